"""Make .env for docker compose out of .env.example: every name that has no value gets a random one."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
ENV = REPO / ".env"


def filled(example: str) -> str:
    """The example with a secret of 256 bits behind every `NAME=`; Fernet takes its key in base64 alone."""
    lines = example.splitlines()
    for number, line in enumerate(lines):
        if line == "FERNET_KEY=":
            lines[number] += base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        elif line.endswith("="):
            lines[number] += secrets.token_hex(32)
    return "\n".join(lines) + "\n"


def main() -> None:
    text = filled((REPO / ".env.example").read_text())
    try:
        descriptor = os.open(ENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(f"{ENV} is there, and the volumes may know its passwords: remove it first if they do not")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    print(f"{ENV}: written; the password of Airflow's user admin is ADMIN_PASSWORD")


if __name__ == "__main__":
    main()
