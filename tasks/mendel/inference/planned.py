"""A plan as the steps after it see it: where its shards lie and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context
from mendel.inference import inbox, restored

DATASET = "restore_plan"
PLAN_VERSION = 2
REJECTED = "rejected/part-00000.jsonl"


def shard_name(shard: int) -> str:
    return f"shards/shard-{shard:05d}.parquet"


def in_force(context: Context) -> Manifest:
    """The day's plan. Raises InputError where there is none, or one of an earlier release."""
    plan = manifest.current(context.root, DATASET, context.partition)
    if plan is None:
        day = context.partition
        raise InputError(f"{day} has no plan in {context.root}. Run: mendel restore plan --partition {day}")
    if plan.stage_version != PLAN_VERSION:
        raise InputError(f"{plan.path} is of another release. Run: mendel restore plan --partition {plan.partition}")
    return plan


def shards(plan: Manifest) -> int:
    return int(plan.metrics["shards"])


def uri(root: str, plan: Manifest, name: str) -> str:
    """URI of one of the plan's files: `shard_name(3)` or REJECTED."""
    return lake.join(root, plan.folder, name)


def verified(root: str, plan: Manifest, shard: int) -> str:
    """URI of a shard's records, that one file checked. Raises InputError saying what was expected and found."""
    path = f"{plan.folder}/{shard_name(shard)}"
    entry = next(file for file in plan.files if file.path == path)
    manifest.verify(root, plan.model_copy(update={"files": (entry,)}))
    return lake.join(root, path)


@contextmanager
def original(root: str, plan: Manifest, name: str) -> Iterator[Path]:
    """A file of the inbox on this machine, as it was when the plan was made. Raises InputError where it is not."""
    files = {file.name: file for file in inbox.files(root, plan.partition)}
    expected = plan.metrics["files"][name]["sha256"]
    sha256 = files[name].sha256() if name in files else "no file"
    if sha256 != expected:
        raise InputError(
            f"{lake.join(root, name)}: expected sha256 {expected}, found {sha256}. Bring it back as it was, or plan the day "
            f"again: mendel restore plan --partition {plan.partition}"
        )
    with files[name].local() as path:
        yield path


COLLECT, COLLECT_VERSION = "restore collect", 1
"""The stage that makes the day's version of `restored`, whose name the shards have to know before it runs."""


def lineage(plan: Manifest) -> list[InputEntry]:
    """What the day's version of `restored` is made from."""
    return [plan.as_input(), *plan.inputs]


def restored_folder(plan: Manifest) -> str:
    """The folder, relative to the lake, of the version that a plan leads to: where its shards' parts lie."""
    made_from = {entry.name: entry.digest for entry in lineage(plan)}
    key = manifest.fingerprint(COLLECT, COLLECT_VERSION, made_from, {"plan": plan.fingerprint})
    return manifest.version_path(restored.DATASET, plan.partition, key)
