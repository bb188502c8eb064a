"""The options that commands share, so that they are spelled and explained once."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from mendel.core.errors import InputError
from mendel.core.manifest import PARTITION_KEY

Config = Annotated[str, typer.Option("--config", "-c", envvar="MENDEL_CONFIG", help="Pipeline YAML: path or URI.")]
Partition = Annotated[str, typer.Option("--partition", "-p", help="Partition key, YYYY-MM-DD.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", "-s", help="key=value over this stage's section, e.g. noise.target_cer=0.08 or noise=@FILE."),
]
Force = Annotated[bool, typer.Option("--force", help="Make the version again though it exists.")]


def partition_key(text: str, option: str = "--partition") -> str:
    """The key itself. Raises InputError where it is not written as one, or is no day of the calendar."""
    try:
        if PARTITION_KEY.fullmatch(text) and date.fromisoformat(text):
            return text
    except ValueError as error:
        raise InputError(f"{option} {text!r} is no date: {error}") from error
    raise InputError(f"{option} {text!r}: write a date as YYYY-MM-DD")
