"""Make Airflow's first user and its pools, where they are not there yet. Settings come from the environment."""

import json
import os
import subprocess
import time

TRIES = 30


def airflow(*arguments: str) -> str:
    """Run the CLI and return what it printed; a database or a table that is not there yet is waited for."""
    for attempt in range(TRIES):
        try:
            return subprocess.run(["airflow", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
        except subprocess.CalledProcessError:
            if attempt == TRIES - 1:
                raise
            time.sleep(10)
    raise AssertionError("not reached")


def main() -> None:
    airflow("db", "check-migrations", "--migration-wait-timeout", "60")
    known = json.loads(airflow("pools", "list", "--output", "json"))
    for name, slots in json.loads(os.environ["POOLS"]).items():
        if name not in {pool["pool"] for pool in known}:  # one that is there keeps the slots that somebody gave it
            airflow("pools", "set", name, str(slots), "made at the install", "--include-deferred")
    user = os.environ["ADMIN_USERNAME"]
    create = ["--username", user, "--email", os.environ["ADMIN_EMAIL"], "--firstname", user, "--lastname", user]
    airflow("users", "create", "--role", "Admin", *create, "--password", os.environ["ADMIN_PASSWORD"])


if __name__ == "__main__":
    main()
