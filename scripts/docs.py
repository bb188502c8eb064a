"""MkDocs hooks of mkdocs.yml: pages that the code writes, and links out of docs/ to the repository.

A link to a file outside docs/, such as ../../dags/ingest_corpus.py, works as it is on a Git host. On the site it leads to
the same file of `extra.repository`. A link to a file that is not there is a warning, and so an error with --strict.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parent.parent
BRANCH = "main"
LINK = re.compile(r"(?<=\]\()(?P<target>\.\./[^)#\s]*)(?P<anchor>#[^)\s]*)?(?=\))")

log = logging.getLogger("mkdocs.hooks.docs")


def on_files(files: Files, config: Any) -> Files:
    with tempfile.TemporaryDirectory(prefix="mendel-docs-") as folder:  # a process of its own: Airflow changes logging
        subprocess.run(
            [sys.executable, "-W", "ignore", str(REPO / "scripts" / "reference.py"), folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for path in sorted(Path(folder).glob("*.md")):
            files.append(File.generated(config, f"reference/{path.name}", content=path.read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    folder = REPO / "docs" / os.path.dirname(page.file.src_uri)

    def link(match: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / match["target"]))
        if path.is_relative_to(REPO / "docs"):
            return match[0]
        if not path.exists():
            log.warning("%s links to %s, which is not in the repository", page.file.src_uri, match["target"])
        kind = "tree" if path.is_dir() else "blob"
        return (
            f"{config.extra['repository']}/{kind}/{BRANCH}/{path.relative_to(REPO).as_posix()}{match['anchor'] or ''}"
        )

    return LINK.sub(link, markdown)
