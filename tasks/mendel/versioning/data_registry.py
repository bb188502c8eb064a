"""The data registry: one commit and one tag per dataset version.

    <dataset>/<partition folder>/manifest.json   the version's manifest, readable without DVC
    <dataset>/<partition folder>/data.dvc        what DVC needs to fetch the version's files, as `data/`

The tag is `<dataset>/<partition>/<fingerprint>`. Everything is done in a clone that is thrown away, so a killed run
leaves nothing to clean up. Bytes go to the DVC remote before the commit goes to Git: no revision points at bytes that
are missing.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from mendel.core import lake
from mendel.core.errors import InputError, MendelError
from mendel.core.manifest import FileEntry, Manifest, partition_path
from mendel.versioning.settings import RegistrySettings
from mendel.versioning.tools import Git, dvc

PUSHES = 8
"""Attempts at a push that another writer may win; each failure waits a little longer."""
FIRST_COMMIT_DATE = "2000-01-01T00:00:00Z"
"""Equal first commits, whoever makes them: two runs that both start a registry agree on its root."""
README = """\
# Data registry

Made by Mendel. One commit and one tag per dataset version; the bytes are in the DVC remote that `.dvc/config` names.

    git tag --list
    dvc get <this repository> corpus/dt=2026-11-23/data --rev corpus/2026-11-23/<fingerprint>
"""


class Published(NamedTuple):
    """A dataset version that the registry holds."""

    tag: str
    revision: str
    summary: str


class DataRegistry:
    """A clone of the registry in `folder`."""

    def __init__(self, settings: RegistrySettings, root: str, folder: Path) -> None:
        self._branch = settings.branch
        self._remote = settings.remote_url(root)
        self._remote_options = settings.remote_options
        self._url = settings.git_url(root)
        self._folder = folder
        self._git = Git(folder, self._url)

    @classmethod
    @contextmanager
    def open(cls, settings: RegistrySettings, root: str, *, create: bool = False) -> Iterator[DataRegistry]:
        """A clone for the time of a `with` block. With `create`, a local repository that is absent is made.

        Raises InputError when the repository cannot be reached or Git is missing.
        """
        with tempfile.TemporaryDirectory(prefix="mendel-registry-", ignore_cleanup_errors=True) as folder:
            registry = cls(settings, root, Path(folder))
            registry._clone(create)
            yield registry

    def versions(self) -> list[Published]:
        """All versions, oldest first."""
        form = "%(refname:short)%09%(objectname)%09%(contents:subject)"
        lines = self._git("for-each-ref", "--sort=creatordate", f"--format={form}", "refs/tags").splitlines()
        return [Published(*line.split("\t", 2)) for line in lines]

    def find(self, revision: str) -> Published:
        """The version that a tag or a commit (possibly shortened) names. Raises InputError with the nearest tags."""
        process = self._git.attempt("rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        versions = self.versions()
        if matches := [version for version in versions if version.revision == process.stdout.strip()]:
            return matches[0]
        tags = [version.tag for version in versions]
        nearest = get_close_matches(revision, tags, n=5, cutoff=0.3) or tags[-5:]
        listed = "\n  ".join(nearest) or "none: nothing has been versioned yet"
        raise InputError(f"the data registry {self._url} has no version {revision}. The nearest:\n  {listed}")

    def manifest(self, version: Published) -> Manifest:
        folder = version.tag.rsplit("/", 1)[0]
        dataset, partition = folder.rsplit("/", 1)
        path = f"{partition_path(dataset, partition)}/manifest.json"
        return Manifest.model_validate_json(self._git("show", f"{version.revision}:{path}"))

    def publish(self, manifest: Manifest, root: str) -> Published:
        """Put a version's files into the DVC remote, then its commit and tag into Git; a version that is there stays.

        Raises InputError or MendelError saying which of the two refused, and why.
        """
        if (existing := self._published(manifest)) is not None:
            return existing
        self._configure()
        place = self._folder / partition_path(manifest.dataset, manifest.partition)
        for file in manifest.files:
            _bring(lake.join(root, file.path), place / "data" / path_in_version(manifest, file))
        self._dvc("add", str(place / "data"))
        self._dvc("push", str(place / "data.dvc"))
        (place / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
        self._commit(_message(manifest), manifest.finished.isoformat())
        return self._push(manifest)

    def fetch(self, version: Published) -> Path:
        """A folder with a version's files, inside this clone. Raises InputError when the DVC remote lacks them."""
        self._git("checkout", "--quiet", "--detach", "--force", version.revision)
        # The revision may name a remote that has moved since: the configuration of today decides.
        (self._folder / ".dvc" / "config.local").write_text(self._dvc_config())
        manifest = self.manifest(version)
        data = self._folder / partition_path(manifest.dataset, manifest.partition) / "data"
        self._dvc("pull", f"{data}.dvc")
        return data

    def _clone(self, create: bool) -> None:
        if create and Path(self._url).is_absolute():
            _make_bare(Path(self._url), self._branch)
        self._git("clone", "--quiet", "--no-checkout", "--", self._url, ".")
        if self._git.attempt("rev-parse", "--quiet", "--verify", f"refs/remotes/origin/{self._branch}").returncode:
            self._git("symbolic-ref", "HEAD", f"refs/heads/{self._branch}")
        else:
            self._git("checkout", "--quiet", "-B", self._branch, f"origin/{self._branch}")

    def _published(self, manifest: Manifest) -> Published | None:
        """The version with this manifest's content, under either of its names."""
        return next(
            (
                version
                for version in self.versions()
                if version.tag.startswith(_tag(manifest)) and self.manifest(version).digest == manifest.digest
            ),
            None,
        )

    def _configure(self) -> None:
        """Make the clone a DVC repository with the configured remote, committed, so that plain `dvc get` works too."""
        config = self._folder / ".dvc" / "config"
        if not config.exists():
            config.parent.mkdir()
            (config.parent / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
            (self._folder / "README.md").write_text(README)
            config.write_text(self._dvc_config())
            self._commit("Start the data registry", FIRST_COMMIT_DATE)
        config.write_text(self._dvc_config())

    def _dvc_config(self) -> str:
        options = {"url": self._remote, **self._remote_options}
        lines = "".join(f"    {name} = {value}\n" for name, value in sorted(options.items()))
        return (
            "[core]\n    analytics = false\n    check_update = false\n    remote = storage\n"
            f"['remote \"storage\"']\n{lines}"
        )

    def _dvc(self, command: str, target: str) -> None:
        dvc(self._folder, command, target, remote=self._remote)

    def _commit(self, message: str, date: str) -> None:
        """Commit all. The date is the version's own, so that equal versions on equal histories are equal commits."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    def _push(self, manifest: Manifest) -> Published:
        """Push branch and tag in one step, on top of what others pushed meanwhile."""
        date = manifest.finished.isoformat()
        for attempt in range(PUSHES):
            tag = self._free_tag(manifest)
            refs = (f"HEAD:refs/heads/{self._branch}", f"HEAD:refs/tags/{tag}")
            pushed = self._git.attempt("push", "--quiet", "--atomic", "origin", *refs)
            if pushed.returncode == 0:
                return Published(tag, self._git("rev-parse", "HEAD"), _message(manifest))
            if "rejected" not in pushed.stderr:
                raise self._git.failure("push", pushed.stderr)
            time.sleep(random.uniform(0.1, 0.5) * (attempt + 1))  # noqa: S311 (spreads writers; not a secret)
            self._git("fetch", "--quiet", "--tags", "origin")
            if (existing := self._published(manifest)) is not None:
                return existing
            # Versions lie in folders of their own; where two made one partition, the later one is in force.
            self._git("rebase", "--quiet", "-X", "theirs", f"origin/{self._branch}", GIT_COMMITTER_DATE=date)
        raise MendelError(f"the data registry {self._url} refused {PUSHES} pushes: {pushed.stderr.strip()}")

    def _free_tag(self, manifest: Manifest) -> str:
        """The version's tag; with its digest where the tag is taken by other content (training twice, say)."""
        tags = {version.tag for version in self.versions()}
        return f"{_tag(manifest)}-{manifest.digest[:8]}" if _tag(manifest) in tags else _tag(manifest)


def path_in_version(manifest: Manifest, file: FileEntry) -> str:
    """A file's path below the folder that its stage wrote: where the registry keeps it, below `data/`."""
    return file.path.removeprefix(f"{manifest.folder}/")


def _tag(manifest: Manifest) -> str:
    return f"{manifest.dataset}/{manifest.partition}/{manifest.fingerprint}"


def _message(manifest: Manifest) -> str:
    size = sum(file.bytes for file in manifest.files)
    return f"{manifest.dataset} {manifest.partition}: {manifest.rows:,} rows, {size / 1e6:,.1f} MB"


def _bring(uri: str, target: Path) -> None:
    """A file of the lake at a local path: linked where both are on one disk, else copied or downloaded."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source = lake.local_path(uri)
    if source is None:
        lake.download(uri, target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _make_bare(path: Path, branch: str) -> None:
    """A bare repository at a path that is free. Of two that make it at once, one wins and both use it."""
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=".tmp-"))
    except OSError as error:
        raise InputError(
            f"the data registry {path} cannot be made: {error}. Choose another place: version.git"
        ) from error
    Git(temporary, str(path))("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
    try:
        temporary.rename(path)
    except OSError:
        shutil.rmtree(temporary)
