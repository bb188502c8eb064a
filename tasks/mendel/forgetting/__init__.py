"""Texts that somebody wants gone: where a record or an answer is kept in a lake, and how it leaves it."""
