"""charts/mendel/README.md: its table of values is made from the comments of values.yaml.

python scripts/chart_values.py
"""

from __future__ import annotations

import re
from pathlib import Path

CHART = Path(__file__).resolve().parents[1] / "charts" / "mendel"
LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w.-]+):(?: (?P<value>.*))?$")
TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)


def rows(text: str) -> list[tuple[str, str, str]]:
    """Key, default and description of each value with a comment `# -- …` above it."""
    entries: list[tuple[str, str, str]] = []
    path: list[str] = []
    description = None
    for line in text.splitlines():
        if (stripped := line.strip()).startswith("# -- "):
            description = stripped.removeprefix("# -- ")
        elif match := LINE.match(line):
            depth = len(match["indent"]) // 2
            path = [*path[:depth], match["key"]]
            if description is not None:
                value = "" if match["value"] in (None, "|") else f"`{match['value'].partition(' # ')[0]}`"
                entries.append((".".join(path), value, description))
            description = None
    return entries


def readme() -> str:
    lines = [
        f"| `{key}` | {value} | {description} |"
        for key, value, description in rows((CHART / "values.yaml").read_text())
    ]
    table = "\n".join(["| value | default | what it is |", "|---|---|---|", *lines, ""])
    return TABLE.sub(lambda _: table, (CHART / "README.md").read_text())


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme())
