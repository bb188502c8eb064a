"""The stage `version` against a real Git repository and a real DVC remote."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.stages.version import Version

from ..versioning.conftest import make_corpus, root, version

__all__ = ["make_corpus", "root", "version"]

MakeCorpus = Callable[..., Manifest]
RunVersion = Callable[..., Manifest]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def start(tmp_path: Path, partition: str, *settings: str) -> subprocess.Popen[str]:
    """`mendel register corpus` in a process group of its own."""
    (tmp_path / "pipeline.yaml").write_text(f"name: test\nlake: {tmp_path}/lake\n")
    command = [sys.executable, "-m", "mendel.cli", "register", "corpus", "-c", str(tmp_path / "pipeline.yaml")]
    return subprocess.Popen(
        [*command, "-p", partition, *settings], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_version_is_one_commit_and_one_tag_with_its_bytes_in_the_remote(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion
) -> None:
    corpus = make_corpus()

    made = version()

    registry = tmp_path / "registry.git"
    tag = f"corpus/2026-11-23/{corpus.fingerprint}"
    assert made.metrics["tag"] == tag, "the tag is not named after dataset, partition and fingerprint"
    assert git(registry, "rev-parse", tag) == git(registry, "rev-parse", "main") == made.revision
    stored = Manifest.model_validate_json(git(registry, "show", "main:corpus/dt=2026-11-23/manifest.json"))
    assert stored == corpus, "the registry holds another manifest than the lake"
    sizes = sorted(path.stat().st_size for path in (tmp_path / "registry-data").rglob("*") if path.suffix != ".dir")
    assert all(file.bytes in sizes for file in corpus.files), "a file of the version is not in the DVC remote"


def test_damage_in_the_lake_does_not_reach_the_registry(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion
) -> None:
    """A link from the lake into the remote would let one bad write destroy both copies."""
    corpus = make_corpus()
    version()

    for file in corpus.files:
        path = tmp_path / "lake" / file.path
        assert os.access(path, os.W_OK), f"{path} was made read-only"
        path.write_bytes(b"damaged")

    remote = [path.read_bytes() for path in (tmp_path / "registry-data").rglob("*") if path.is_file()]
    assert remote, "the DVC remote is empty"
    assert b"damaged" not in remote, "the DVC remote shares files with the lake"


def test_the_same_content_is_published_once(tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion) -> None:
    make_corpus()
    first = version()

    again = version(force=True)

    assert again.revision == first.revision, "equal content got a second revision"
    assert len(git(tmp_path / "registry.git", "tag").splitlines()) == 1


def test_every_partition_gets_a_tag_though_nothing_changed(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion
) -> None:
    make_corpus("2026-11-23")
    first = version("2026-11-23")
    later = make_corpus("2026-11-30")
    assert later.same_as, "the corpus was made twice, so this test shows nothing"

    second = version("2026-11-30")

    tags = git(tmp_path / "registry.git", "tag").splitlines()
    assert tags == [f"corpus/{key}/{later.fingerprint}" for key in ("2026-11-23", "2026-11-30")]
    assert first.revision != second.revision
    data = [git(tmp_path / "registry.git", "show", f"{tag}:corpus/dt={tag.split('/')[1]}/data.dvc") for tag in tags]
    assert data[0] == data[1], "the same files are kept twice"


def test_other_content_under_the_same_fingerprint_gets_a_tag_of_its_own(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion
) -> None:
    """Training within a time budget may give another model from the same inputs and configuration."""
    corpus = make_corpus()
    version()
    remade = corpus.model_copy(update={"digest": "f" * 64})
    lake.write(lake.join(f"file://{tmp_path}/lake", remade.path, "_manifest.json"), remade.model_dump_json().encode())
    validation = Context(root=f"file://{tmp_path}/lake", partition="2026-11-23")
    make_corpus()  # validates what is there now

    execute(Version(), validation)

    tags = git(tmp_path / "registry.git", "tag").splitlines()
    assert tags == [f"corpus/2026-11-23/{corpus.fingerprint}", f"corpus/2026-11-23/{corpus.fingerprint}-ffffffff"]


def test_a_version_that_was_not_validated_is_refused(root: str, make_corpus: MakeCorpus) -> None:
    made = make_corpus()
    for uri in lake.list_files(lake.join(root, "corpus_validation")):
        Path(lake.local_path(uri) or "").unlink()

    with pytest.raises(InputError, match=f"{made.path} has not passed validation. Run: mendel validate corpus"):
        execute(Version(), Context(root=root, partition="2026-11-23"))


@pytest.mark.parametrize("partitions", [("2026-11-23", "2026-11-30", "2026-12-07"), ("2026-11-23", "2026-11-23")])
def test_concurrent_pushes_all_land(tmp_path: Path, make_corpus: MakeCorpus, partitions: tuple[str, ...]) -> None:
    """Without a registry at the start, so that they race for its first commit too."""
    made = {key: make_corpus(key, text=key) for key in partitions}

    running = [start(tmp_path, key) for key in partitions]
    said = [process.communicate()[1] for process in running]

    assert [process.returncode for process in running] == [0] * len(partitions), "\n".join(said)
    registry = tmp_path / "registry.git"
    tags = {f"corpus/{key}/{corpus.fingerprint}" for key, corpus in made.items()}
    assert set(git(registry, "tag").splitlines()) == tags
    for tag in tags:
        assert git(registry, "branch", "--contains", tag).endswith("main"), f"{tag} is not on the branch"


def test_killed_between_the_two_pushes_a_rerun_ends_in_the_same_state(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion
) -> None:
    make_corpus("2026-11-16")
    version("2026-11-16")  # so that the registry exists and can be copied
    subprocess.run(["cp", "-r", tmp_path / "registry.git", tmp_path / "undisturbed.git"], check=True)
    make_corpus("2026-11-23", text="seven years ago")
    hook = tmp_path / "registry.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/reached\nsleep 600\n")
    hook.chmod(0o755)

    process = start(tmp_path, "2026-11-23")
    deadline = time.monotonic() + 300
    while not (tmp_path / "reached").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the push never reached the registry"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    hook.unlink()
    assert len(git(tmp_path / "registry.git", "tag").splitlines()) == 1, "the killed push landed"

    rerun = version("2026-11-23")
    undisturbed = version("2026-11-23", git=str(tmp_path / "undisturbed.git"))

    assert rerun.revision == undisturbed.revision, "the killed run left a trace in the registry"


def test_an_unreachable_repository_is_named(make_corpus: MakeCorpus, version: RunVersion) -> None:
    make_corpus()

    with pytest.raises(InputError, match=r"(?s)https://localhost:1/registry.git.*Check version.git"):
        version(git="https://localhost:1/registry.git")


def test_a_repository_without_access_asks_for_a_key(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_corpus()
    ssh = tmp_path / "ssh"  # what OpenSSH says to a stranger
    ssh.write_text("#!/bin/sh\necho 'git@example.org: Permission denied (publickey).' >&2\nexit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))

    with pytest.raises(InputError, match=r"(?s)git@example.org:team/registry.git.*SSH key"):
        version(git="git@example.org:team/registry.git")


def test_a_remote_that_cannot_be_written_is_named(tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion) -> None:
    make_corpus()
    (tmp_path / "occupied").write_text("a file, not a folder")

    with pytest.raises(InputError, match=f"dvc push failed with the DVC remote {tmp_path}/occupied") as caught:
        version(remote=f"{tmp_path}/occupied")

    assert "Having any troubles" not in str(caught.value)
    assert git(tmp_path / "registry.git", "tag") == "", "a tag points at bytes that were never pushed"


def test_a_store_without_credentials_asks_for_them(
    tmp_path: Path, make_corpus: MakeCorpus, version: RunVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_corpus()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(InputError, match=r"(?s)s3://bucket/registry.*AWS_ACCESS_KEY_ID"):
        version(remote="s3://bucket/registry", remote_options={"endpointurl": "http://localhost:1"})


def test_without_git_the_message_says_so(
    make_corpus: MakeCorpus, version: RunVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_corpus()
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(InputError, match="git is not on PATH"):
        version()
