"""A lake with a champion and days of an inbox."""

from ..inference.conftest import a_lake, new_lake

__all__ = ["a_lake", "new_lake"]
