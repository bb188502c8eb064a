"""What the chart's values are, said twice: in comments of values.yaml, for people, and in the schema, for editors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHART = Path(__file__).resolve().parents[2] / "charts" / "mendel"
COMMENT = re.compile(r" *# (?P<begins>-- )?(?P<words>.*)")
KEY = re.compile(r"(?P<indent> *)(?P<name>[\w.-]+):")


def comments() -> Iterator[tuple[tuple[str, ...], str]]:
    """Each value that has a comment (`# -- …`), by its path."""
    path: tuple[str, ...] = ()
    words: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if (comment := COMMENT.fullmatch(line)) and (comment["begins"] or words):
            words = [comment["words"]] if comment["begins"] else [*words, comment["words"]]
        elif key := KEY.match(line):
            path = (*path[: len(key["indent"]) // 2], key["name"])
            if words:
                yield path, " ".join(words)
            words = []
        else:
            words = []


def described(schema: dict[str, Any], path: tuple[str, ...]) -> str | None:
    for name in path:
        schema = schema.get("properties", {}).get(name, {})
    return schema.get("description")


def test_the_schema_says_what_the_comments_say() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    told = {".".join(path): (words, described(schema, path)) for path, words in comments()}

    assert len(told) > 50, "the comments are read"
    assert {name: words for name, words in told.items() if words[1] is not None and words[0] != words[1]} == {}
    assert sum(words[1] is not None for words in told.values()) > 50, "the schema is read"
