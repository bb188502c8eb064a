"""Real errors of optical character recognition: sentences are printed, photocopied badly, and read by Tesseract.

Each sentence is set in a serif typeface, four pixels to the millimetre or so, then turned a little, blurred, specked and
compressed as JPEG, each text to a degree of its own; the same each time. Tesseract reads it as a block of text. What it
says is cleaned as `ingest` cleans any text, so that curly quotation marks are no errors.

    .venv/bin/python bench/scans.py "A sentence of your own." --keep FOLDER
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import textwrap
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from mendel.core.threads import available
from mendel.corpus.clean import clean

TYPEFACE = "fonts/ttf/STIXGeneral.ttf"
"""Of matplotlib, so that no machine lacks it: cut like Times."""
SIZE = 17
"""Pixels, of the typeface."""
WIDTH = 70
"""Characters in a line."""
MARGIN = 20
PAPER, INK = 235, 40
DEGREES = 0.7, 1.3
"""Of damage, by text: from hardly an error to many."""
READ_AT_ONCE = 25
"""Images that one Tesseract process reads."""


def installed() -> bool:
    return shutil.which("tesseract") is not None


def read(texts: Sequence[str], folder: Path | None = None) -> list[str]:
    """What Tesseract reads where these texts are printed; the images stay in `folder`, if given."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{number:05}.jpg" for number in range(len(texts))]
        parts = [slice(first, first + READ_AT_ONCE) for first in range(0, len(texts), READ_AT_ONCE)]
        with ThreadPoolExecutor(available()) as pool:
            batches = pool.map(_read, [texts[part] for part in parts], [paths[part] for part in parts])
            return [text for part in batches for text in part]


def _read(texts: Sequence[str], paths: Sequence[Path]) -> list[str]:
    for text, path in zip(texts, paths, strict=True):
        scan(text, path)
    command = ["tesseract", "stdin", "stdout", "-l", "eng", "--psm", "6", "--dpi", "100"]
    listed = "\n".join(map(str, paths))
    one_thread = os.environ | {"OMP_THREAD_LIMIT": "1"}  # else processes that wait for each other
    process = subprocess.run(command, input=listed, capture_output=True, text=True, env=one_thread, check=True)
    pages = process.stdout.split("\f")
    assert len(pages) == len(texts), f"{len(texts)} images, {len(pages)} pages: {process.stderr[-500:]}"
    return [clean(" ".join(page.split())) for page in pages]


def scan(text: str, path: Path) -> None:
    """Print a text, and copy it badly."""
    chance = np.random.default_rng(zlib.crc32(text.encode()))
    lines = textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / TYPEFACE, SIZE)
    height = 2 * MARGIN + len(lines) * SIZE * 4 // 3
    page = Image.new("L", (2 * MARGIN + int(max(map(font.getlength, lines))), height), PAPER)
    ImageDraw.Draw(page).multiline_text((MARGIN, MARGIN), "\n".join(lines), INK, font)
    degree = chance.uniform(*DEGREES)
    page = page.rotate(chance.normal(0, 0.4), Image.Resampling.BICUBIC, fillcolor=PAPER)
    page = page.filter(ImageFilter.GaussianBlur(0.8 * degree))
    specks = chance.normal(0, 18 * degree, (page.height, page.width))
    Image.fromarray(np.clip(np.asarray(page) + specks, 0, 255).astype(np.uint8)).save(path, quality=30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--keep", type=Path, help="a folder for the images")
    arguments = parser.parse_args()
    print(*read(arguments.texts, arguments.keep), sep="\n")


if __name__ == "__main__":
    main()
