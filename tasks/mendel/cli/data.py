"""`mendel data`: what the data registry holds, and any version of it brought back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from mendel.cli.options import Config, Settings
from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.versioning.data_registry import DataRegistry, path_in_version
from mendel.versioning.settings import RegistrySettings

app = typer.Typer(no_args_is_help=True, help="List the versions that the data registry holds, and bring them back.")


@app.command("list")
def list_versions(
    config: Config,
    prefix: Annotated[str, typer.Argument(help="Only tags that start so, e.g. corpus or corpus/2026-11-23.")] = "",
    settings: Settings = [],  # noqa: B006 (typer copies it)
) -> None:
    """Show every version of every dataset, oldest first: Git revision, tag, size.

    Example: `mendel data list -c include/pipelines/demo.yaml corpus`
    """
    root, registry_settings = _load(config, settings)
    with DataRegistry.open(registry_settings, root) as registry:
        for version in registry.versions():
            if version.tag.startswith(prefix):
                print(f"{version.revision[:12]}  {version.tag:48}  {version.summary.partition(': ')[2]}")


@app.command()
def checkout(
    revision: Annotated[str, typer.Argument(help="Tag or Git revision, as `mendel data list` shows it.")],
    config: Config,
    to: Annotated[Path | None, typer.Option(help="A new folder for the files; without it, the lake.")] = None,
    settings: Settings = [],  # noqa: B006 (typer copies it)
) -> None:
    """Bring a version back, byte for byte: into the lake, where it is then in force, or into a folder.

    Every file is checked against the checksums that were recorded when the version was made.

    Example: `mendel data checkout corpus/2026-11-23/0123456789abcdef -c include/pipelines/demo.yaml --to old-corpus`
    """
    if to is not None and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"--to {to} is not empty, and nothing in it shall be overwritten: name a new folder")
    root, registry_settings = _load(config, settings)
    with DataRegistry.open(registry_settings, root) as registry:
        version = registry.find(revision)
        stored = registry.manifest(version)
        folder = registry.fetch(version)
        _check(stored, folder, version.tag)
        if to is None:
            _into_lake(stored, folder, root)
        else:
            shutil.copytree(folder, to, dirs_exist_ok=True)
            (to / "manifest.json").write_text(stored.model_dump_json(indent=2) + "\n")
    place = lake.join(root, stored.path) if to is None else str(to)
    log.info("checked out", tag=version.tag, revision=version.revision, files=len(stored.files), to=place)


def _load(config: str, settings: list[str]) -> tuple[str, RegistrySettings]:
    from mendel.pipeline import load_section

    return load_section(config, "version", settings)


def _check(stored: Manifest, folder: Path, tag: str) -> None:
    for file in stored.files:
        name = path_in_version(stored, file)
        digest = lake.sha256(str(folder / name)) if (folder / name).exists() else "no such file"
        if digest != file.sha256:
            raise InputError(
                f"{tag}: {name} from the DVC remote: expected sha256 {file.sha256}, found {digest}. "
                "The remote was changed by hand: restore it from a backup, or choose another version."
            )


def _into_lake(stored: Manifest, folder: Path, root: str) -> None:
    """Files first, the manifest last, as a stage does it; a file that is whole is left alone."""
    for file in stored.files:
        uri = lake.join(root, file.path)
        if not lake.exists(uri) or lake.sha256(uri) != file.sha256:
            lake.write(uri, (folder / path_in_version(stored, file)).read_bytes())
    manifest.commit(root, stored, replace=True)
