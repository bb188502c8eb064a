"""Airflow's settings on this machine, and the secrets of its home, which are their owner's alone."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

USER = "admin"
PASSWORDS = "passwords.json"


def settings(home: Path, repo: Path, port: int) -> dict[str, str]:
    """Airflow's configuration, as environment variables. Each value that is not Airflow's default has its reason."""
    secret = _secrets(home)
    _password(home)
    url = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(repo / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repo / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",  # stages use all cores by themselves; light tasks must not wait for them
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / PASSWORDS),
        "AIRFLOW__CORE__FERNET_KEY": secret["fernet_key"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        # SQLite has one writer; after the usual 5 seconds of waiting for it a busy machine's scheduler ends
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=20",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secret["jwt_secret"],
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",  # five files that seldom change
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "300",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",  # the next task starts sooner; a loop takes 20 ms
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",  # its own are open to everybody
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",  # a skipped task may end only at its next heartbeat
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",  # Airflow's own, in the log of every task
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _secrets(home: Path) -> dict[str, str]:
    """Keys of this home, generated at the first start."""
    path = home / "secrets.json"
    if not path.exists():
        from cryptography.fernet import Fernet

        airflow_secrets = {
            "fernet_key": Fernet.generate_key().decode(),
            "secret_key": secrets.token_hex(64),
            "jwt_secret": secrets.token_hex(64),
        }
        write_private(path, json.dumps(airflow_secrets))
    return dict(json.loads(path.read_text()))


def _password(home: Path) -> None:
    """The user's password, generated at the first start: Airflow would write one of its own into the API server's log."""
    path = home / PASSWORDS
    if not path.exists():
        write_private(path, json.dumps({USER: secrets.token_urlsafe(24)}))
    path.chmod(0o600)


def private_folder(path: Path) -> None:
    """A folder that nobody but its owner may look into, made where it is not there."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def private_opener(path: str, flags: int) -> int:
    """For `open`: a new file is its owner's alone."""
    return os.open(path, flags, 0o600)


def write_private(path: Path, text: str) -> None:
    with open(path, "w", opener=private_opener) as file:
        file.write(text)
