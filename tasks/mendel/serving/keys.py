"""API keys: 256 random bits each, kept as SHA-256. So long a key needs no slow hash: nobody can guess it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Self

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.serving.hosts import loopback

LINE = re.compile(r"(?P<name>[\w.-]{1,64})\s+(?P<digest>[0-9a-f]{64})")


class Keys:
    """Who may call: hashes by the caller's name."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._digests = {name: bytes.fromhex(digest) for name, digest in digests.items()}

    @classmethod
    def read(cls, uri: str) -> Self:
        """From lines `name sha256`; empty ones and those that begin with # are left out.

        Raises InputError naming the file, and the line that is none.
        """
        try:
            lines = lake.read_text(lake.normalise(uri)).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"serve.keys_file {uri} cannot be read: {error}") from error
        digests = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            if not (match := LINE.fullmatch(line.strip())):
                raise InputError(
                    f"{uri}, line {number}: write a name and a SHA-256, as `mendel api-key NAME` prints them"
                )
            digests[match["name"]] = match["digest"]
        if not digests:
            raise InputError(f"serve.keys_file {uri} holds no key: `mendel api-key NAME` makes one")
        return cls(digests)

    def holder(self, key: str) -> str | None:
        """Name of whoever holds the key. Every hash is compared, in constant time."""
        presented = hashlib.sha256(key.encode()).digest()
        matches = [name for name, digest in self._digests.items() if hmac.compare_digest(digest, presented)]
        return matches[0] if matches else None


def new() -> tuple[str, str]:
    """A new key, and the hash to keep of it."""
    key = secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def required(host: str, keys_file: str | None) -> Keys | None:
    """The keys in force; None where the service is open, which it may be on loopback only. Raises InputError else."""
    if keys_file is not None:
        return Keys.read(keys_file)
    if not loopback(host):
        raise InputError(
            f"serve.host {host} can be reached from other machines: set serve.keys_file "
            "(`mendel api-key NAME` makes keys), or serve.host=127.0.0.1"
        )
    return None
