"""Callers of a service, in a pod: `python - URL KEY plain|patient < load.py`. RUNNING says that they are at it; they go on
until STOP is there, and print what came of it.

Half of them keep their connection, half open one for each request. Plain ones ask once; patient ones are Mendel's client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from mendel.client.client import Client

RUNNING, STOP = Path("/tmp/running"), Path("/tmp/stop")
TEXTS = ["Teh state of the the union.", "We will kepe our promise to evrey citizen of this coutnry.", "This is clean."]
CALLERS = 8
PAUSE = 0.05

found: dict[str, Any] = {"requests": 0, "failures": [], "versions": {}, "slowest_seconds": 0.0}


class Plain(httpx.AsyncClient):
    """Asks once, and notes when it first hears of a version."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(base_url=url, headers={"X-API-Key": key}, timeout=60)

    async def restore(self, texts: list[str]) -> None:
        answer = (await self.post("/v1/restore", json={"text": texts})).raise_for_status()
        found["versions"].setdefault(answer.json()["version"], time.time())


async def attempt(client: Plain | Client) -> None:
    started = time.time()
    try:
        await client.restore(TEXTS)
    except Exception as error:  # whatever it is, a caller was failed
        found["failures"].append(f"{time.time():.2f}: {error!r}")
    found["requests"] += 1
    if found["requests"] == 2 * CALLERS:
        RUNNING.touch()
    found["slowest_seconds"] = round(max(found["slowest_seconds"], time.time() - started), 3)
    await asyncio.sleep(PAUSE)


async def keeping(kind: type[Plain | Client], url: str, key: str) -> None:
    async with kind(url, key) as client:
        while not STOP.exists():
            await attempt(client)


async def opening(kind: type[Plain | Client], url: str, key: str) -> None:
    while not STOP.exists():
        async with kind(url, key) as client:
            await attempt(client)


async def main(url: str, key: str, kind: str) -> None:
    for mark in (RUNNING, STOP):
        mark.unlink(missing_ok=True)
    caller = {"plain": Plain, "patient": Client}[kind]
    await asyncio.gather(*(each(caller, url, key) for each in [keeping, opening] * (CALLERS // 2)))
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
