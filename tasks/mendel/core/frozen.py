"""The base of every configuration object and record: immutable, and strict about its keys."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A typo in a key is an error at load; a value cannot change after it, and no error message quotes one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
