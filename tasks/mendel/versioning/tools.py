"""The two programs behind the registry, git and dvc, as subprocesses with failures that say what to change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mendel.core.errors import InputError, MendelError

GIT_ACCESS = re.compile(
    r"Permission denied|Authentication failed|could not read (Username|Password)|\b40[13]\b",
    re.IGNORECASE,
)
STORE_ACCESS = re.compile(
    r"credentials|AccessDenied|Forbidden|\b40[13]\b|InvalidAccessKeyId|SignatureDoesNotMatch|Permission denied",
    re.IGNORECASE,
)
STORE_ABSENT = re.compile(
    r"NoSuchBucket|bucket.*does not exist|No such file or directory|Not a directory", re.IGNORECASE
)


class Git:
    """git in one clone. Never asks a question: without a terminal a prompt would hang."""

    def __init__(self, folder: Path, url: str) -> None:
        if shutil.which("git") is None:
            raise InputError("git is not on PATH, and the data registry is a Git repository: install it")
        self._folder = folder
        self._url = url
        self._environment = {
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
            "GIT_AUTHOR_NAME": "Mendel",
            "GIT_AUTHOR_EMAIL": "mendel@localhost",
            "GIT_COMMITTER_NAME": "Mendel",
            "GIT_COMMITTER_EMAIL": "mendel@localhost",
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        # A caller that is itself run by Git (a hook) must not make us work on its repository.
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            self._environment.pop(name, None)

    def attempt(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run git and leave the judgement of its exit status to the caller."""
        options = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false")
        return subprocess.run(
            ["git", *options, *arguments],
            cwd=self._folder,
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
        )

    def __call__(self, *arguments: str, **environment: str) -> str:
        """Run git and return what it printed. Raises InputError or MendelError with git's own words."""
        process = self.attempt(*arguments, **environment)
        if process.returncode:
            raise self.failure(arguments[0], process.stderr)
        return process.stdout.strip()

    def failure(self, command: str, output: str) -> MendelError:
        """What to tell the user about a git command that failed."""
        message = f"git {command} failed on the data registry {self._url}: {output.strip()}"
        if GIT_ACCESS.search(output):
            return InputError(
                f"{message}\nGit has no access. Give it an SSH key (GIT_SSH_COMMAND, an agent) or a credential helper "
                "(GIT_ASKPASS, credential.helper); see the fields of `version` in the configuration."
            )
        if command in ("clone", "init"):
            return InputError(
                f"{message}\nCheck version.git in the configuration, and that this "
                "machine reaches it. A local one is made by the first `mendel register`."
            )
        return MendelError(message)


def dvc(folder: Path, *arguments: str, remote: str) -> None:
    """Run dvc in a clone. Raises InputError or MendelError with dvc's own words.

    DVC's own state goes into the clone too, which is thrown away: nothing of it is worth keeping.
    """
    process = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site")},
        capture_output=True,
        text=True,
    )
    if not process.returncode:
        return
    errors = [line.removeprefix("ERROR: ") for line in process.stderr.splitlines() if line.startswith("ERROR: ")]
    output = "; ".join(errors) or process.stderr.strip()
    message = f"dvc {arguments[0]} failed with the DVC remote {remote}: {output}"
    if "No module named dvc" in output:
        raise InputError("DVC is not installed here: pip install 'mendel[versioning]'")
    if STORE_ACCESS.search(output):
        raise InputError(
            f"{message}\nThe store refuses. Check its credentials (for S3: AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, a profile, or the machine's role) and version.remote_options."
        )
    if STORE_ABSENT.search(output):
        raise InputError(f"{message}\nCheck version.remote and version.remote_options in the configuration.")
    raise MendelError(message)
