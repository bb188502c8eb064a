"""Make Airflow's first user and its pools, where they are not there yet. Settings come from the environment."""

import json
import os
import subprocess
import time


def airflow(*arguments: str) -> str:
    return subprocess.run(["airflow", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    airflow("db", "check-migrations", "--migration-wait-timeout", "300")
    known = json.loads(airflow("pools", "list", "--output", "json"))
    for name, slots in json.loads(os.environ["POOLS"]).items():
        if name not in {pool["pool"] for pool in known}:  # one that is there keeps the slots that somebody gave it
            airflow("pools", "set", name, str(slots), "made by the chart", "--include-deferred")
    user = os.environ["ADMIN_USERNAME"]
    create = ["--username", user, "--email", os.environ["ADMIN_EMAIL"], "--firstname", user, "--lastname", user]
    for attempt in range(30):  # roles are made when the API server first starts
        try:
            airflow("users", "create", "--role", "Admin", *create, "--password", os.environ["ADMIN_PASSWORD"])
            return
        except subprocess.CalledProcessError:
            if attempt == 29:
                raise
            time.sleep(10)


if __name__ == "__main__":
    main()
