"""Where the data registry is: its Git repository and its DVC remote. No credentials: those belong to the machine."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen

Subject = Literal["corpus", "pairs", "candidate"]
"""What can be versioned."""
SCP_LIKE = re.compile(r"[^/]+:.*")
"""`git@host:team/registry.git`, as Git understands it: a colon before the first slash."""
SECRET = re.compile(r"secret|password|passphrase|token|access_key|connection_string|sas", re.IGNORECASE)


class RegistrySettings(Frozen):
    """The registry's addresses.

    Git finds its credentials by its own means: an SSH key or agent (`GIT_SSH_COMMAND` chooses one), or a credential
    helper (`GIT_ASKPASS`, `git config credential.helper`). DVC takes those of the store: for S3 the AWS_* variables, a
    profile, or the machine's role.
    """

    git: str | None = Field(
        None,
        description="the registry's Git repository: any URL that Git knows, or a local folder, which is made when "
        "absent; by default registry.git beside a lake on disk",
    )
    branch: str = Field("main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    remote: str | None = Field(
        None,
        description="the DVC remote that holds the bytes: a local folder or any URL that DVC knows "
        "(s3://bucket/prefix, gs://, azure://, ssh://, …); by default registry-data beside a lake on disk",
    )
    remote_options: dict[str, str] = Field(
        default_factory=dict,
        description="more settings of the DVC remote, as `dvc remote modify` takes them: endpointurl, region, profile",
    )

    @field_validator("git")
    @classmethod
    def _no_secret_in_the_url(cls, git: str | None) -> str | None:
        if git and re.match(r"https?://[^/]*@|[a-z+]+://[^/@]*:[^/@]*@", git):
            raise ValueError("leave user and password out of the URL; give them to Git through a credential helper")
        return git

    @field_validator("remote_options")
    @classmethod
    def _no_secret_in_the_options(cls, options: dict[str, str]) -> dict[str, str]:
        if secrets := sorted(filter(SECRET.search, options)):
            raise ValueError(
                f"{', '.join(secrets)}: these options are committed to Git; keep secrets in the environment"
            )
        return options

    def git_url(self, root: str) -> str:
        """The repository's URL, or its absolute path where it is a folder. Raises InputError without a default."""
        return _resolve(self.git, root, "registry.git", "version.git")

    def remote_url(self, root: str) -> str:
        """The DVC remote's URL, or its absolute path where it is a folder. Raises InputError without a default."""
        return _resolve(self.remote, root, "registry-data", "version.remote")


def _resolve(url: str | None, root: str, name: str, key: str) -> str:
    if url is None:
        path = lake.local_path(root)
        if path is None:
            raise InputError(
                f"the lake {root} is remote, so the data registry has no default place: set {key} to a URL"
            )
        return str(path.parent / name)
    if SCP_LIKE.fullmatch(url) and "://" not in url:
        return url
    return lake.normalise(url).removeprefix("file://")
