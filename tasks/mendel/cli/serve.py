"""`mendel serve` and `mendel api-key`."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.cli.options import Config, Settings
from mendel.core.errors import InputError


def serve(config: Config, settings: Settings = []) -> None:  # noqa: B006 (typer copies it)
    """Answer requests with the champion: the API under `/v1`, its description at `/openapi.json`.

    A new champion comes into force while requests go on. See docs/how-to/serve.md.

    Example: `mendel serve -c include/pipelines/demo.yaml --set port=8080`
    """
    from mendel.pipeline import load_section
    from mendel.serving import server

    root, serving = load_section(config, "serve", settings, reach=False)
    server.run(root, serving)


def api_key(name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits, dots and dashes.")]) -> None:
    """Make a key for a caller, and the line for `serve.keys_file`, which holds only its hash.

    Example: `mendel api-key reports`
    """
    from mendel.serving import keys

    key, digest = keys.new()
    line = f"{name} {digest}"
    if not keys.LINE.fullmatch(line):
        raise InputError(f"{name!r}: a name has 1 to 64 letters, digits, dots, dashes and underscores")
    print(f"key (shown once): {key}")
    print(f"line of serve.keys_file: {line}")
