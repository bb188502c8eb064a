"""One record: from a line, a message or a row to its text and its id, by the same rules wherever it comes from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mendel.records.problems import BadRecordError, MissingKeyError

KINDS = {list: "a list", dict: "an object", bool: "a boolean", int: "a number", float: "a number", str: "a string"}
KEYS_NAMED = 10


class Row(NamedTuple):
    """What a line or row holds. Strings may still be bytes: whether they are UTF-8 is asked record by record."""

    id: Any
    text: Any
    extra: str | None = None
    """A JSON object of what else there is; None: nothing, or nobody asks."""


def from_json(line: bytes, text_key: str, id_key: str | None, *, id_wanted: bool, extra: bool = False) -> Row:
    """The fields of a line of JSON Lines, or of a message that is one; `extra`: the others too.

    Raises BadRecordError.
    """
    if not line.strip():
        raise BadRecordError("empty", "the line is blank")
    try:
        data = json.loads(decoded(line))
    except RecursionError as error:
        raise BadRecordError("not_json", "the line is nested too deeply") from error
    except ValueError as error:
        raise BadRecordError("not_json", f"the line is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRecordError("not_json", f"the line is not a JSON object, it is {kind_of(data)}")
    for key, reason in ((text_key, "no_text"), *([(id_key, "no_id")] if id_wanted else [])):
        if key not in data:
            keys = ", ".join(sorted(data)[:KEYS_NAMED]).encode(errors="backslashreplace").decode()
            raise MissingKeyError(reason, f"no key {key!r}; there is: {keys or 'nothing'}")
    others = {key: value for key, value in data.items() if key not in (text_key, id_key)} if extra else {}
    try:
        return Row(data.get(id_key), data[text_key], as_json(others))
    except RecursionError as error:
        raise BadRecordError("not_json", "the line is nested too deeply") from error


def as_json(others: Mapping[str, Any]) -> str | None:
    """A record's other values as one JSON object in ASCII, None where there are none.

    What JSON has no form for is written as text: bytes in Base64, others (dates, NaN) by their names.
    """
    if not others:
        return None
    try:
        return json.dumps(others, default=_as_text, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(others, default=_as_text), parse_constant=str))


def _as_text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def text_of(value: Any, key: str) -> str:
    """A record's text. Raises BadRecordError if it is none, or one that is not whole."""
    value = _string(value, key)
    if value is None:
        raise BadRecordError("no_text", f"{key!r} is null")
    if not isinstance(value, str):
        raise BadRecordError("not_text", f"{key!r} is not a string, it is {kind_of(value)}")
    if not value.strip():
        raise BadRecordError("empty", "no text, or only white space")
    return value


def id_of(value: Any, key: str) -> str | None:
    """A record's own id, or None where it has none. Raises BadRecordError if it cannot be one."""
    value = _string(value, key)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRecordError("bad_id", f"{key!r} is neither a string nor a whole number, it is {kind_of(value)}")
    return str(value)


def decoded(raw: bytes) -> str:
    """Text from UTF-8. Raises BadRecordError."""
    if (place := raw.find(b"\0")) >= 0:
        raise BadRecordError("binary", f"byte {place + 1} is NUL: no text has one")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(
            "not_utf8",
            f"byte {error.start + 1} (0x{raw[error.start]:02x}) is not UTF-8: {error.reason}. Convert it, as in "
            "iconv -f WINDOWS-1252 -t UTF-8",
        ) from error


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON, or of Arrow where it stands for a value of that type."""
    return "null" if value is None else KINDS.get(type(value), str(value))


def _string(value: Any, key: str) -> Any:
    """A string decoded and checked; other values as they are."""
    if isinstance(value, bytes):
        value = decoded(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:  # JSON can spell it, and no file of text can hold it
            raise BadRecordError(
                "not_utf8", f"{key!r} has half a surrogate pair at character {error.start + 1}"
            ) from error
        if (place := value.find("\0")) >= 0:
            raise BadRecordError("binary", f"character {place + 1} of {key!r} is NUL: no text has one")
    return value
