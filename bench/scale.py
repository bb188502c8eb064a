"""How time and memory of the first stages grow with the text.

The text is made: sentences of a word model of the demo's corpus (which word follows which), one in ten the same as an
earlier one and one in ten nearly so, in many files. Each size has a lake of its own and goes through `ingest`, `validate
corpus`, `corrupt` and `validate pairs` as commands.

    .venv/bin/python bench/scale.py --sizes 10 50 200
    .venv/bin/python bench/scale.py --beside ../former  # the same with another checkout, whose digests must be the same

Prints a table, with the exponents by which CPU seconds and memory grow from the smallest size to the largest (1 is linear, 0
stays), and writes bench/results/scale.json. Ends with 1 when a digest differs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common
import psutil
from stages import look

from mendel.core import manifest
from mendel.corpus.sources.base import Document
from mendel.corpus.sources.sotu import Sotu

STAGES = {
    "ingest": "corpus",
    "validate corpus": "corpus_validation",
    "corrupt": "pairs",
    "validate pairs": "pairs_validation",
}
FILE_BYTES = 100_000
REPEATED, NEARLY = 0.1, 0.1
"""Shares of the sentences."""
REMEMBERED = 20_000
"""Sentences that may come again."""
LONGEST = 40
"""Words of a sentence."""
COLUMNS = {
    "stage": "",
    "code": "",
    "mb": ",.0f",
    "seconds": ",.1f",
    "cpu_seconds": ",.1f",
    "mb_per_second": ".2f",
    "peak_mb": ",.0f",
    "cpu_exponent": ".2f",
    "memory_exponent": ".2f",
}


def word_model() -> tuple[list[str], dict[str, list[str]]]:
    """Words that begin sentences, and for each word those that follow it, as often as in the corpus."""
    beginnings, followers = [], defaultdict(list)
    for document in Sotu().read():
        assert isinstance(document, Document)
        words = document.text.split()
        for word, following in itertools.pairwise(words):
            if word[-1] in ".?!":
                beginnings.append(following)
            else:
                followers[word].append(following)
    return beginnings, followers


def sentences(seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    beginnings, followers = word_model()
    memory: list[str] = []
    while True:
        kind = chance.random()
        if memory and kind < REPEATED + NEARLY:
            sentence = chance.choice(memory)
            if kind < NEARLY:
                words = sentence.split()
                place = chance.randrange(len(words))
                words[place] = chance.choice(beginnings)
                sentence = " ".join(words)
        else:
            words = [chance.choice(beginnings)]
            while words[-1] in followers and len(words) < LONGEST:
                words.append(chance.choice(followers[words[-1]]))
            sentence = " ".join(words)
        if len(memory) < REMEMBERED:
            memory.append(sentence)
        else:
            memory[chance.randrange(REMEMBERED)] = sentence
        yield sentence


def write_text(folder: Path, megabytes: int) -> None:
    """Files of sentences, five a paragraph; the same for the same size."""
    folder.mkdir(parents=True)
    source = sentences(seed=megabytes)
    for number in range(megabytes * 1_000_000 // FILE_BYTES):
        paragraphs, size = [], 0
        while size < FILE_BYTES:
            paragraphs.append(" ".join(next(source) for _ in range(5)))
            size += len(paragraphs[-1].encode()) + 1
        (folder / f"{number:06}.txt").write_text("\n".join(paragraphs))


def measure(folder: Path, text: Path, checkout: Path, megabytes: int, stages: list[str]) -> Iterator[dict[str, Any]]:
    """Each stage's seconds and the most memory that its processes held together, shared pages counted once."""
    root = (folder / "lake").as_uri()
    config = folder / "pipeline.yaml"
    folder.mkdir(parents=True)
    source = {"kind": "files", "name": "scale", "glob": f"{text}/*.txt"}
    config.write_text(json.dumps({"name": "scale", "lake": root, "ingest": {"source": source}}))
    environment = os.environ | {"PYTHONPATH": f"{checkout / 'tasks'}", "GIT_PYTHON_REFRESH": "quiet"}
    environment.pop("MENDEL_LAKE", None)
    for stage in stages:
        command = [sys.executable, "-m", "mendel.cli", *stage.split(), "-c", config, "-p", common.PARTITION]
        log = folder / "log.txt"
        began, peak, spent = time.monotonic(), 0.0, dict[int, float]()
        with log.open("wb") as output:
            process = psutil.Popen(command, env=environment, cwd=checkout, stdout=output, stderr=output)
        while process.poll() is None:
            peak = max(peak, look(process, spent))
            time.sleep(0.1)
        seconds = time.monotonic() - began
        if process.returncode:
            sys.exit(f"mendel {stage} at {megabytes} MB: exit code {process.returncode}\n{log.read_text()[-3000:]}")
        version = manifest.current(root, STAGES[stage], common.PARTITION)
        assert version is not None, f"{stage} left no version"
        yield {
            "stage": stage,
            "mb": megabytes,
            "seconds": seconds,
            "cpu_seconds": sum(spent.values()),
            "mb_per_second": megabytes / seconds,
            "peak_mb": peak / 1e6,
            "rows": version.rows,
            "digest": version.digest,
        }


def with_exponents(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, the largest size's with the slopes between smallest and largest in logarithms."""
    first, last = min(rows, key=lambda row: row["mb"]), max(rows, key=lambda row: row["mb"])
    if first is not last:
        growth = math.log(last["mb"] / first["mb"])
        last["cpu_exponent"] = math.log(last["cpu_seconds"] / first["cpu_seconds"]) / growth
        last["memory_exponent"] = math.log(last["peak_mb"] / first["peak_mb"]) / growth
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 50, 200], help="megabytes of text")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--beside", type=Path, help="another checkout, measured first")
    parser.add_argument("--beside-up-to", type=int, default=50, metavar="MB", help="larger sizes without it")
    arguments = parser.parse_args()
    described = common.machine()
    checkouts = {"former": arguments.beside.resolve()} if arguments.beside else {}
    checkouts |= {"this": common.REPO}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mendel-scale-") as folder:
        for megabytes in arguments.sizes:
            text = Path(folder) / "text" / str(megabytes)
            write_text(text, megabytes)
            for code, checkout in checkouts.items():
                if code == "former" and megabytes > arguments.beside_up_to:
                    continue
                lake = Path(folder) / code / str(megabytes)
                for row in measure(lake, text, checkout, megabytes, arguments.stages):
                    print(code, row, file=sys.stderr, flush=True)
                    rows.append({"code": code, **row})
                shutil.rmtree(lake)
            shutil.rmtree(text)
    shown = [
        row
        for stage in arguments.stages
        for code in checkouts
        for row in with_exponents([row for row in rows if (row["stage"], row["code"]) == (stage, code)])
    ]
    common.report("scale", described, shown, COLUMNS)
    digests = defaultdict(set)
    for row in rows:
        digests[row["stage"], row["mb"]].add(row["digest"])
    if different := [f"{stage} at {mb} MB" for (stage, mb), found in digests.items() if len(found) > 1]:
        sys.exit(f"another digest than the former code's: {', '.join(different)}")


if __name__ == "__main__":
    main()
