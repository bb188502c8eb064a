"""Set up dbt, which builds the marts, in .mendel/dbt: it wants other versions than .venv has. Skipped when nothing changed."""

import hashlib
from pathlib import Path

from setup import LOCKS, REPO, STATE, call, find_uv, uv_environment

HOME = STATE / "dbt"
LOCK = LOCKS / "marts.txt"
STAMP = HOME / "setup.sha256"


def main() -> None:
    digest = hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    uv, environment, python = find_uv(), uv_environment(), str(HOME / "bin" / "python")
    call([uv, "venv", "--quiet", "--clear", "--python", "3.11", str(HOME)], environment)
    install = [uv, "pip", "install", "--quiet", "--python", python, "--no-deps"]
    call([*install, "--require-hashes", "--requirement", str(LOCK)], environment)
    call([*install, "--editable", str(REPO)], environment)  # dbt reads the lake by mendel's own code
    STAMP.write_text(digest)


if __name__ == "__main__":
    main()
