"""Collect the jars of a list: from a folder where it has them, else from a Maven repository; each checked by its sha256.

python jars.py LIST FOLDER REPOSITORY TARGET
"""

import hashlib
import sys
import urllib.request
from pathlib import Path


def main(listed: str, folder: str, repository: str, target: str) -> None:
    lines = [line for line in Path(listed).read_text().splitlines() if line and not line.startswith("#")]
    for digest, path in map(str.split, lines):
        name = Path(path).name
        local = Path(folder) / name
        if local.exists():
            data = local.read_bytes()
        else:
            with urllib.request.urlopen(f"{repository.rstrip('/')}/{path}", timeout=60) as answer:  # noqa: S310
                data = answer.read()
        if (actual := hashlib.sha256(data).hexdigest()) != digest:
            sys.exit(f"{name}: expected sha256 {digest}, found {actual}")
        (Path(target) / name).write_bytes(data)
    print(f"{len(lines)} jars in {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
