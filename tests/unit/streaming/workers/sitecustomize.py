"""Makes Spark's Python workers, which are processes of their own, know the restorer of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "inference"))

from mendel.restorers.restorer import READERS

READERS["spelling"] = "spelling:SpellingRestorer"
