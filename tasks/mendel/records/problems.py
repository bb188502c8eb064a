"""What can be wrong with a file or a record."""


class ProblemError(Exception):
    """What is wrong with some input: a word for counting, a sentence for reading."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class UnreadableFileError(ProblemError):
    """A file that cannot be read to its end. None of it is used: a half would be taken for the whole."""


class BadRecordError(ProblemError):
    """A record that cannot be used; the others of its file can."""


class MissingKeyError(BadRecordError):
    """A record without a key that was asked for."""
