"""The load of bench/serving.py, for locust: each client sends the next body as soon as the one before it is answered."""

from __future__ import annotations

import itertools
import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant, events, task
from locust.env import Environment

answers: list[tuple[float, float, int, int | None]] = []
"""When each request began, in Unix time, the seconds that it took, its status, and the version that answered."""
started = (time.time(), time.process_time())
starts = itertools.count()


@events.init_command_line_parser.add_listener
def options(parser: ArgumentParser) -> None:
    parser.add_argument("--path")
    parser.add_argument("--bodies", help="file of one body a line")
    parser.add_argument("--out", help="file for the answers")


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    @events.quit.add_listener  # after the last answers; `quitting` is before them
    def write(**_: Any) -> None:
        wall, cpu = time.time() - started[0], time.process_time() - started[1]
        Path(environment.parsed_options.out).write_text(json.dumps({"answers": answers, "cpu": cpu / wall}))


class Client(FastHttpUser):
    wait_time = constant(0)
    network_timeout = connection_timeout = 120.0

    def on_start(self) -> None:
        options = self.environment.parsed_options
        bodies = Path(options.bodies).read_bytes().splitlines()
        first = 7 * next(starts) % len(bodies)
        self.bodies = itertools.cycle([*bodies[first:], *bodies[:first]])
        self.path = options.path
        Path(options.out).touch()  # tells the bench that the load has begun

    @task
    def ask(self) -> None:
        began = time.time()
        answer = self.client.post(self.path, data=next(self.bodies), headers={"Content-Type": "application/json"})
        seconds = time.time() - began
        body = answer.json() if answer.status_code == 200 else {}
        answers.append((began, seconds, answer.status_code, body.get("version")))
