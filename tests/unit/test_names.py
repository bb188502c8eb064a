"""One name for one class: who searches for it finds the one that is meant."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "tasks" / "mendel"


def test_no_two_modules_define_a_class_of_the_same_name() -> None:
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 100, f"the classes below {PACKAGE} are read"
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice, twice
