"""The Hub as a source, against a small hub of our own that speaks its protocol."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import pytest

from mendel.core.errors import InputError
from mendel.corpus.sources import huggingface
from mendel.corpus.sources.base import Document, Rejected
from mendel.corpus.sources.huggingface import HuggingFace

COMMIT = "c0ffee" * 6 + "c0ff"
ROWS = [{"text": f"Sentence number {number} of the little set.", "key": number} for number in range(40)]
FILE = b"".join(
    json.dumps(row).encode() + b"\n" for row in [*ROWS, {"text": None, "key": 40}, {"text": " ", "key": 41}]
)
HERE = "/api/datasets/me/little"


class Hub(BaseHTTPRequestHandler):
    """One dataset, `me/little`, of one file."""

    protocol_version = "HTTP/1.1"
    entry = {  # noqa: RUF012 (read only)
        "type": "file",
        "path": "train.jsonl",
        "size": len(FILE),
        "oid": hashlib.sha1(b"blob %d\0" % len(FILE) + FILE).hexdigest(),
    }

    def do_GET(self) -> None:
        path = unquote(urlparse(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == HERE or path.startswith(f"{HERE}/revision/"):
            self._answer({"id": "me/little", "sha": COMMIT, "siblings": [{"rfilename": "train.jsonl"}], "tags": []})
        elif path.startswith(f"{HERE}/tree/"):
            self._answer([self.entry])
        elif path.startswith(f"{HERE}/paths-info/"):
            asked = parse_qs(body.decode()).get("paths", []) or json.loads(body)["paths"]
            self._answer([self.entry] if "train.jsonl" in asked else [])
        elif path == f"/datasets/me/little/resolve/{COMMIT}/train.jsonl":
            self._answer(FILE, ETag=f'"{self.entry["oid"]}"')
        elif path.startswith("/datasets/me/little/resolve/"):
            self._answer({}, 404, **{"X-Error-Code": "EntryNotFound"})
        else:
            self._answer({}, 404, **{"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_POST = do_GET  # noqa: N815 (the names of http.server)

    def _answer(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def imported() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in ("datasets", "huggingface_hub")]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadingHTTPServer]:
    """A running hub, and libraries that know of it: they read the environment once, when they are imported."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        for name in imported():
            patch.delitem(sys.modules, name)  # put back at the end, for the tests that come after
        pytest.importorskip("datasets", reason="the extra huggingface is not installed")
        yield server
        for name in imported():
            del sys.modules[name]
    server.shutdown()


def source(path: str = "me/little", **settings: Any) -> HuggingFace:
    return HuggingFace(kind="huggingface", name="little", path=path, **settings)


def test_rows_are_documents_and_bad_ones_are_reported(hub: ThreadingHTTPServer) -> None:
    items = list(source(id_column="key").read())

    assert [(item.id, item.text) for item in items if isinstance(item, Document)] == [
        (str(row["key"]), row["text"]) for row in ROWS
    ]
    assert {item.uri: item.reason for item in items if isinstance(item, Rejected)} == {
        "hf://datasets/me/little:41": "no_text",
        "hf://datasets/me/little:42": "empty",
    }


def test_the_digest_is_of_the_commit_and_the_slice(hub: ThreadingHTTPServer) -> None:
    whole, part = source().entry(), source(rows="train[:10]").entry()

    assert whole.uri.endswith(COMMIT)
    assert (whole.rows, part.rows) == (42, 10)
    assert whole.digest != part.digest


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"path": "me/nothing"}, "me/nothing .*cannot be loaded: .*Not Found"),
        ({"rows": "dev"}, 'Unknown split "dev"'),
        ({"text_column": "body"}, "no column 'body'; it has 'text', 'key'"),
    ],
)
def test_what_is_not_there_is_named(hub: ThreadingHTTPServer, settings: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        source(**settings).entry()


def test_a_hub_that_cannot_be_reached_is_an_error_that_says_what_to_do(hub: ThreadingHTTPServer) -> None:
    hub.shutdown()
    hub.server_close()

    with pytest.raises(InputError, match=r"me/later .*cannot be loaded.*network.*HF_ENDPOINT.*source `files`"):
        source("me/later").entry()


def test_without_its_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    huggingface._load.cache_clear()

    with pytest.raises(InputError, match=r"pip install 'mendel\[huggingface\]'"):
        source("me/elsewhere").entry()
