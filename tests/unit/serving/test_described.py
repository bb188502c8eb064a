"""The service against its own description: schemathesis makes requests of every operation from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mendel.serving.keys import Keys, new

from .conftest import Store, running, settings, until

KEY, DIGEST = new()


@pytest.fixture
def described(with_champion: Store) -> Iterator[BaseSchema]:
    with running(with_champion.root, settings(), Keys({"tester": DIGEST})) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


@pytest.mark.parametrize(
    ("mode", "paths"),
    [(GenerationMode.POSITIVE, ".*"), (GenerationMode.NEGATIVE, "/v1/.*")],  # the others take nothing that could be bad
    ids=["good", "bad"],
)
def test_what_is_asked_is_answered_or_refused_as_described(
    described: BaseSchema, mode: GenerationMode, paths: str
) -> None:
    for found in described.include(path_regex=paths).get_all_operations():
        assert isinstance(found, Ok), f"an operation is not described: {found}"
        operation = found.ok()

        @given(operation.as_strategy(generation_mode=mode))
        @examples(max_examples=15, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        def asked(case: Case[Any]) -> None:
            case.call_and_validate(
                headers={"X-API-Key": KEY},
                timeout=60,
                # no schema says which bytes are a document
                excluded_checks=[positive_data_acceptance] if "/documents" in case.path else [],
            )

        asked()
