"""What all formats have in common: a document has segments of prose, and is written again with those changed."""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from mendel.core.errors import InputError
from mendel.corpus.traced import Splice, TracedText, same, spliced

UTF8 = "utf-8"
NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL, and halves of surrogate pairs, which an encoding of escapes can give."""
MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How documents are read."""

    fields: tuple[str, ...] = ()
    """Columns or keys that hold text; empty: `text` if there is one, else all that hold prose."""
    encoding: str | None = None
    """Of text; None: what a file says of itself, else UTF-8."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of prose as a restorer reads it: in plain characters, on one line."""

    traced: TracedText
    encode: Callable[[str], str] = same
    """Writes text as the source does, such as `&` as an entity."""
    place: str = ""
    """Where it is from, for people, such as `row 3, title`; empty: its line says it."""
    width: int | None = None
    """Columns of the lines that its text is broken into; None: its lines end for reasons of their own."""

    @property
    def text(self) -> str:
        return self.traced.text

    @property
    def position(self) -> int:
        """Of its first character in the source."""
        return self.traced.starts[0]

    @property
    def line(self) -> int:
        """In the source, from 1."""
        return self.traced.source.count("\n", 0, self.position) + 1


class UnknownDocumentError(InputError):
    """A file of another kind than its suffix promises: left alone where nobody has named it."""


class SegmentedDocument(ABC):
    """A document that was read. What is in no segment is kept as it is."""

    segments: Sequence[Segment]
    outline: Hashable = ()
    """What the document is built of, such as headings and tables: no change of a segment may change it."""

    @abstractmethod
    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        """The document with splices made, which are given for each segment, in positions of its source."""


@dataclass(frozen=True)
class TextDocument(SegmentedDocument):
    """A document that is one text."""

    source: str
    encoding: str
    segments: Sequence[Segment] = field(default_factory=list)
    outline: Hashable = ()

    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        return spliced(self.source, (splice for group in changes for splice in group)).encode(self.encoding)


def decoded(data: bytes, encoding: str | None) -> tuple[str, str]:
    """The text of a file, with its byte order mark if it has one, and the encoding that gives its bytes again.

    UTF-16 is read where it has its mark. Raises InputError where the bytes are of another encoding, or no text.
    """
    encoding = MARKS.get(data[:2]) or encoding or UTF8
    try:
        text = data.decode(encoding)
        again = text.encode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start + 1} (0x{data[error.start]:02x}) is not {encoding}: {error.reason}. "
            "Say which encoding it is, as in --encoding windows-1252"
        ) from error
    except UnicodeEncodeError:
        again = b""
    except (LookupError, ValueError) as error:  # the latter of a name with a NUL, and of codecs for names of hosts
        raise InputError(f"--encoding {encoding}: there is no such encoding of text") from error
    if match := NO_TEXT.search(text):
        raise InputError(f"character {match.start() + 1} is U+{ord(match[0]):04X}: it is no text")
    if again != data:
        raise InputError(f"in {encoding} it would be written with other bytes; convert it to UTF-8 first")
    return text, encoding
