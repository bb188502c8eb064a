"""Configuration: one YAML file per pipeline, `--set key=value` on top.

`!include PATH` (relative to the file, absolute, or a URI) puts another YAML file in its place, and so does a `--set` value
that starts with `@` (relative to the working directory); `<<: !include PATH` takes its top-level keys, but for those that
the file itself has. The result is plain data: the fingerprint sees what was included, not from where.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import yaml
from yaml.representer import SafeRepresenter

from mendel.core import lake
from mendel.core.errors import InputError

MOST_INCLUDES = 10
"""How deep files may include each other."""


QUOTED = re.compile(r"\s*['\"].*", re.DOTALL)
"""From the first quotation mark on: what PyYAML's messages quote of a file."""


def load(uri: str, within: Sequence[str] = ()) -> dict[str, Any]:
    """The data of a YAML file with its includes in place; `within` are the files that include it, the outermost first.

    Raises InputError naming the file, and the place in it, but never what it holds: a file may hold secrets.
    """
    uri = lake.normalise(uri)
    if len(within) > MOST_INCLUDES or uri in within:
        fault = "includes itself" if uri in within else f"is more than {MOST_INCLUDES} includes deep"
        raise InputError(f"configuration {uri} {fault}: {' → '.join([*within, uri])}")
    folder = uri.rsplit("/", 1)[0]

    def include(node: yaml.Node) -> dict[str, Any]:
        if not isinstance(node, yaml.ScalarNode):
            raise InputError(f"configuration {uri}, line {node.start_mark.line + 1}: !include takes a path")
        return load(_beside(folder, node.value), [*within, uri])

    class YamlLoader(yaml.SafeLoader):
        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            """As YAML has it, and `<<` takes the keys of an included file too."""
            for number, (key, value) in enumerate(node.value):
                if key.tag == "tag:yaml.org,2002:merge" and value.tag == "!include":
                    node.value[number] = (key, SafeRepresenter().represent_data(include(value)))
            super().flatten_mapping(node)

    YamlLoader.add_constructor("!include", lambda _, node: include(node))
    try:
        text = lake.read_text(uri)
    except UnicodeDecodeError as error:
        raise InputError(f"configuration {uri} is not YAML: its byte {error.start + 1} is not UTF-8") from None
    except (OSError, ImportError, ValueError) as error:  # ValueError: no store is known by that scheme
        raise InputError(f"configuration {uri} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    data = parse(text, f"configuration {uri}", YamlLoader)
    if not isinstance(data, dict):
        raise InputError(f"configuration {uri} must be a mapping of keys to values, found {type(data).__name__}")
    return data


def parse(text: str, where: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """The data of a YAML text. Raises InputError that says where in it the fault is, and quotes nothing of it."""
    try:
        return yaml.load(text, loader)  # noqa: S506 (a SafeLoader, or one with a constructor more)
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, QUOTED.sub(" …", error.problem or error.context or "")
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"{where} is not YAML{place}: {what}") from None
    except yaml.reader.ReaderError as error:
        raise InputError(f"{where} is not YAML: character {error.position + 1} may not be in it") from None
    except (ValueError, TypeError) as error:  # a date like 2026-13-45, a mapping as a key
        raise InputError(f"{where} is not YAML: a value is not what it looks like ({type(error).__name__})") from None
    except RecursionError:
        raise InputError(f"{where} is not YAML that can be read: it is nested too deeply") from None


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
        value = load(text[1:]) if text.startswith("@") else parse(text, f"--set {assignment!r}: the value")
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
