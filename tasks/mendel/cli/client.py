"""`mendel client`: restore text by a running `mendel serve`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from mendel.core.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Ask a running `mendel serve`.")

REQUEST_TEXTS = 64
REQUEST_CHARACTERS = 10_000
"""Well below what a service takes by default; a longer line is sent by itself."""

Url = Annotated[str, typer.Option(envvar="MENDEL_URL", help="Of the service.")]
Key = Annotated[str | None, typer.Option(envvar="MENDEL_API_KEY", help="API key; better by environment.")]
Patience = Annotated[float, typer.Option(min=0, help="Seconds for which a busy or absent service is asked again.")]


@app.command()
def restore(
    url: Url = "http://127.0.0.1:8080",
    key: Key = None,
    patience: Patience = 60.0,
    version: Annotated[int | None, typer.Option(help="Of the model; without it the champion's.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Leave out changes that are less sure.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Confidence and edits too, one object a line.")] = False,
) -> None:
    """Restore each line of standard input.

    Example: `echo 'hellorld' | mendel client restore`
    """
    from mendel.client.client import Client

    options = {"version": version, "threshold": threshold, "edits": as_json}

    async def ask() -> None:
        async with Client(url, key, patience) as client:
            for texts in requests(lines(sys.stdin.buffer)):
                for result in await client.restore(texts, **options):
                    print(json.dumps(result, ensure_ascii=False) if as_json else result["text"])
                sys.stdout.flush()

    asyncio.run(ask())


@app.command()
def document(
    path: Annotated[Path, typer.Argument(help="The file; its suffix tells the format.")],
    url: Url = "http://127.0.0.1:8080",
    key: Key = None,
    patience: Patience = 60.0,
    version: Annotated[int | None, typer.Option(help="Of the model; without it the champion's.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Leave out changes that are less sure.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a result that is there.")] = False,
) -> None:
    """Restore a document, into NAME.restored.EXT beside it.

    Example: `mendel client document letter.docx`
    """
    from mendel.client.client import Client

    target = path.with_name(f"{path.stem}.restored{path.suffix}")
    if target.exists() and not force:
        raise InputError(f"{target} is there already; move it away, or overwrite it with --force")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error

    async def ask() -> tuple[bytes, int]:
        async with Client(url, key, patience) as client:
            return await client.document(path.name, data, version=version, threshold=threshold)

    restored, unread = asyncio.run(ask())
    target.write_bytes(restored)
    print(f"{target}{f': no time for {unread} sentences, which are as they were' if unread else ''}")


@app.command()
def models(url: Url = "http://127.0.0.1:8080", key: Key = None, patience: Patience = 60.0) -> None:
    """Show the versions that can be asked for.

    Example: `mendel client models`
    """
    from mendel.client.client import Client

    async def ask() -> dict[str, Any]:
        async with Client(url, key, patience) as client:
            return await client.models()

    for model in asyncio.run(ask())["models"]:
        print(f"version {model['version']} {model['action']}{' (champion)' if model['champion'] else ''}")


def lines(source: Iterable[bytes]) -> Iterator[str]:
    """Without their ends. Raises InputError naming the line that is not UTF-8."""
    for number, line in enumerate(source, start=1):
        try:
            yield line.rstrip(b"\r\n").decode()
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}, is not UTF-8: {error}") from error


def requests(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in order, in lists that one request can hold."""
    gathered: list[str] = []
    for text in texts:
        full = sum(map(len, gathered)) + len(text) > REQUEST_CHARACTERS or len(gathered) == REQUEST_TEXTS
        if gathered and full:
            yield gathered
            gathered = []
        gathered.append(text)
    if gathered:
        yield gathered
