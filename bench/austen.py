"""A domain that training never saw: Jane Austen's six novels, from Debian's package r-cran-janeaustenr (public domain).

.venv/bin/python bench/austen.py austen.txt
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

PACKAGE = "r-cran-janeaustenr"
STRING = b"\x00\x04\x00\x09"
"""R's serialisation: what stands before the length of an ASCII string."""


def fetch(target: Path) -> bool:
    """Write the novels, one paragraph a line; False where Debian's packages cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt downloads as a user of its own
        try:
            subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, capture_output=True)
            (package,) = Path(folder).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        (database,) = Path(folder).glob("usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(paragraphs(database.read_bytes())))
    return True


def paragraphs(database: bytes) -> list[str]:
    """The paragraphs of all books in R's lazy-load database: for each a length, and zlib data that hold its lines."""
    all_paragraphs = []
    while database:
        chunk = zlib.decompressobj()
        text = "\n".join(lines(chunk.decompress(database[4:])))
        all_paragraphs += [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
        database = chunk.unused_data
    return all_paragraphs


def lines(serialised: bytes) -> list[str]:
    """All ASCII strings of a serialised vector."""
    strings, at = [], 0
    while (at := serialised.find(STRING, at)) >= 0:
        size = int.from_bytes(serialised[at + 4 : at + 8], "big")
        at += 8 + size
        strings.append(serialised[at - size : at].decode("ascii", "replace"))
    return strings


if __name__ == "__main__":
    if len(sys.argv) != 2 or not fetch(Path(sys.argv[1])):
        sys.exit(f"usage: austen.py FILE, where apt-get can download {PACKAGE}")
