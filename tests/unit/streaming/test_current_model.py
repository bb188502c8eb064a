"""What the stream asks of the ledger before every micro-batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from mendel.promotion import ledger
from mendel.promotion.ledger import Decision
from mendel.streaming.current_model import CurrentModel


def decide(root: str, times: int) -> None:
    """More decisions, each against the champion."""
    first = ledger.read(root)[0]
    for _ in range(times):
        ledger.append(
            root,
            lambda history: Decision.model_validate(
                {
                    **first.model_dump(),
                    "number": len(history) + 1,
                    "action": "declined",
                    "version": len(history) + 1,
                    "reigning": 1,
                    "decided": datetime.now(UTC),
                }
            ),
        )


def asked(a_stream: Any, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What one more micro-batch asks of the disk."""
    current_model = CurrentModel(a_stream.root, "champion")
    model = current_model.resolve()
    calls: Counter[str] = Counter()

    def counting(name: str) -> Callable[..., Any]:
        method = getattr(LocalFileSystem, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return method(*arguments, **options)

        return counted

    with monkeypatch.context() as patch:
        for name in ("cat_file", "ls", "find", "exists", "info", "_open"):
            patch.setattr(LocalFileSystem, name, counting(name))
        assert current_model.resolve() == model
        assert current_model.as_input(model).digest == model.digest
    return calls


def test_a_micro_batch_costs_the_same_however_long_the_ledger_is(
    a_stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = asked(a_stream, monkeypatch)
    decide(a_stream.root, 99)
    long = asked(a_stream, monkeypatch)

    assert long == short, "the ledger is read again"
    assert long["cat_file"] == 0, "what is known of it is read again"


def test_a_new_champion_is_found_at_the_next_look(a_stream: Any) -> None:
    current_model = CurrentModel(a_stream.root, "champion")
    assert current_model.resolve().version == 1

    a_stream.make_champion({"teh": "thee"})

    assert current_model.resolve().version == 2
    assert current_model.as_input(current_model.resolve()).digest == current_model.resolve().digest
