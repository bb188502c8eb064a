"""Does every extra of pyproject.toml import alone? Each in an environment of its own, with the locked versions.

    python scripts/extras.py [EXTRA…]

An image installs only what its stages need; nothing else on a developer's machine may hide that something is missing.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from setup import REPO, find_uv, torch_source, uv_environment

PROMISES = {
    "": "import mendel; from mendel.core import config, manifest",
    "cli": "import mendel.cli.main, mendel.pipeline, mendel.promotion.verify, mendel.garbage.collection",
    "client": "import mendel.client.client",
    "corpus": "import mendel.corpus.reading, mendel.corpus.presence, mendel.corpus.writing, mendel.inference.fill",
    "huggingface": "import datasets, mendel.corpus.sources.huggingface",
    "quality": "import mendel.quality.data_docs, mendel.quality.corpus_suite, mendel.quality.pairs_suite",
    "lakehouse": "import mendel.lakehouse.query, mendel.lakehouse.following",
    "versioning": "import dvc, mendel.versioning.data_registry",
    "lineage": "import mendel.core.lineage.events",
    "spark": "import mendel.spark.corruption, mendel.streaming.query, mendel.noise.learn",
    "restoration": "import mendel.restorers.channel; from mendel import NoiseProfile, Restorer, corrupt",
    "documents": "import mendel.cli.restore_files, mendel.inference.whole_files, markdown_it, rapidfuzz, sentencex",
    "serve": "import mendel.serving.server, mendel.documents.restoring",
    "traces": "import mendel.serving.traces, opentelemetry.exporter.otlp.proto.http.trace_exporter, opentelemetry.sdk.trace",
    "llm": "import mendel.models.llm, mendel.restorers.rewriter",
    "train": "import mendel.restorers.channel_candidate, mendel.restorers.rewriter_candidate, mendel.training.parallel, "
    "mendel.core.tracking.run",
    "evaluate": "import scipy, symspellpy, mendel.evaluation.report, mendel.evaluation.held_out, "
    "mendel.promotion.model_registry",
}
"""What each lets somebody do, as Python. `qlora` needs a GPU, `airflow`, `bench`, `docs` and `dev` are whole environments."""
WITH_TORCH = {"llm", "train", "evaluate"}


def main(extras: list[str]) -> None:
    uv, environment = find_uv(), uv_environment() | {"UV_LINK_MODE": "hardlink"}
    failed = []
    for extra in extras or PROMISES:
        with tempfile.TemporaryDirectory(prefix="mendel-extra-") as folder:
            python = Path(folder) / "bin" / "python"
            install = [uv, "pip", "install", "--quiet", "--python", str(python), "--constraint", "requirements/dev.txt"]
            commands = [[uv, "venv", "--quiet", "--python", sys.executable, folder]]
            if extra in WITH_TORCH:
                torch = ["--requirement", "requirements/torch.txt", *torch_source(environment)]
                commands.append([uv, "pip", "install", "--quiet", "--python", str(python), *torch])
            commands.append([*install, f".[{extra}]" if extra else "."])
            commands.append([str(python), "-c", PROMISES[extra]])
            works = all(subprocess.run(command, cwd=REPO, env=environment).returncode == 0 for command in commands)
        print(f"{extra or '(none)':12} {'imports' if works else 'FAILS'}", flush=True)
        failed += [] if works else [extra]
    if failed:
        sys.exit(f"extras: {', '.join(failed)} cannot do alone what {Path(__file__).name} says of them")


if __name__ == "__main__":
    main(sys.argv[1:])
