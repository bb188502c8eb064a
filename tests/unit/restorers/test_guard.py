"""The guard: what it lets pass, and how it is fitted."""

from __future__ import annotations

from mendel.restorers.guard import Attempt, Guard


def test_the_guard_refuses_what_is_another_text() -> None:
    guard = Guard(length_ratio=1.5, edits=0.2, threshold=2.0)
    text = "Thhe people must go on."
    cases = {
        "The people must go on.": (3.0, True),
        "The people must go on,": (1.9, False),  # not sure enough
        "The people": (50.0, False),  # cut off
        "The people must go on and on and on and on.": (50.0, False),  # goes on
        "A nation needs to grow.": (50.0, False),  # another one
        "": (50.0, False),
        text: (50.0, False),
    }
    for written, (odds, expected) in cases.items():
        assert guard.accepts(Attempt(text, written, odds)) == expected, f"{written!r} at {odds}"


def test_the_guard_is_fitted_to_what_helps_and_to_what_clean_text_allows() -> None:
    # Given a model that is right about noisy texts, and would alter each twentieth clean one, with less certainty
    noisy = [("The people.", Attempt("Thhe people.", "The people.", 4.0 + i / 100)) for i in range(50)]
    noisy += [("Our nation is.", Attempt("Our naton is.", "We are one.", 9.0))]  # a rewrite, that edits must stop
    clean = [Attempt("All is well here.", "All is well her.", 1.0 if i % 20 == 0 else -9.0) for i in range(200)]
    # When the guard is fitted
    guard = Guard.fit(noisy, clean, length_ratio=1.5, max_clean_altered=0.01)
    # Then it lets the corrections pass, and neither the rewrite nor the clean texts' changes
    assert guard.errors(noisy) == 1, guard
    assert not any(guard.accepts(each) for each in clean), guard
