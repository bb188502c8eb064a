"""Configuration: one YAML file per pipeline, `--set key=value` on top.

`!include PATH` (relative to the file, absolute, or a URI) puts another YAML file in its place, and so does a `--set` value
that starts with `@` (relative to the working directory); `<<: !include PATH` takes its top-level keys, but for those that
the file itself has. The result is plain data: the fingerprint sees what was included, not from where.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import yaml
from yaml.representer import SafeRepresenter

from mendel import lake
from mendel.errors import InputError


def load(uri: str) -> dict[str, Any]:
    """The data of a YAML file with its includes in place. Raises InputError naming the file."""
    uri = lake.normalise(uri)

    folder = uri.rsplit("/", 1)[0]

    class Loader(yaml.SafeLoader):
        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            """As YAML has it, and `<<` takes the keys of an included file too."""
            for number, (key, value) in enumerate(node.value):
                if key.tag == "tag:yaml.org,2002:merge" and value.tag == "!include":
                    included = SafeRepresenter().represent_data(load(_beside(folder, value.value)))
                    node.value[number] = (key, included)
            super().flatten_mapping(node)

    Loader.add_constructor("!include", lambda _, node: load(_beside(folder, node.value)))
    try:
        data = yaml.load(lake.read_text(uri), Loader)  # noqa: S506 (a SafeLoader with one constructor more)
    except OSError as error:
        raise InputError(f"configuration {uri} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"configuration {uri} is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"configuration {uri} must be a mapping of keys to values, found {type(data).__name__}")
    return data


def _beside(folder: str, path: str) -> str:
    """An included file's URI: below the folder, unless the path is absolute or a URI itself."""
    return path if path.startswith("/") or "://" in path else f"{folder}/{path}"


def override(data: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """`data` with `a.b.c=value` assignments applied; values are YAML. Raises InputError naming the assignment."""
    result = {**data}
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator or not all(path.split(".")):
            raise InputError(
                f"--set {assignment!r}: write key=value, nested keys with dots, as in noise.target_cer=0.08"
            )
        try:
            value = load(text[1:]) if text.startswith("@") else yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"--set {assignment!r}: the value is not YAML: {error}") from error
        target = result
        *parents, last = path.split(".")
        for depth, name in enumerate(parents, start=1):
            inner = target.get(name, {})
            if not isinstance(inner, dict):
                raise InputError(f"--set {assignment!r}: {'.'.join(parents[:depth])} is a value, it has no keys")
            target[name] = {**inner}
            target = target[name]
        target[last] = value
    return result


def lake_root(data: dict[str, Any]) -> str:
    """The lake's URI: MENDEL_LAKE where set, else the configuration's `lake`."""
    root = os.environ.get("MENDEL_LAKE") or data.get("lake")
    if not isinstance(root, str) or not root:
        raise InputError("no lake: set `lake:` in the configuration or MENDEL_LAKE in the environment to a URI")
    return lake.normalise(root)
