"""Texts that have to go, by name or after a time: where a lake keeps them, and how they leave it."""
