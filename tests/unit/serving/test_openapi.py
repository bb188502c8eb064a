"""The description of the API says what the API does: examples that hold, every field explained."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mendel.core.frozen import Frozen
from mendel.serving import app, schemas

MODELS = [
    found
    for _, found in inspect.getmembers(schemas, inspect.isclass)
    if issubclass(found, Frozen) and found is not Frozen and found.__module__ == schemas.__name__
]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    import asyncio

    from .conftest import settings

    async def ask() -> dict[str, Any]:
        transport = httpx.ASGITransport(app.create("file:///nowhere", settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return dict((await client.get("/openapi.json")).json())

    return asyncio.run(ask())


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_schema_has_an_example_that_it_accepts_and_explains_its_fields(model: type[Frozen]) -> None:
    (shown,) = model.model_json_schema()["examples"]
    model.model_validate(shown)
    unexplained = [name for name, field in model.model_fields.items() if not field.description]
    assert unexplained == [], f"{model.__name__} has fields without a description"


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_refusal_is_a_problem_with_an_example(described: dict[str, Any]) -> None:
    found = dict(operations(described))
    assert set(found) >= {"POST /v1/restore", "GET /v1/report", "GET /healthz"}
    for name, operation in found.items():
        assert operation["description"], f"{name} is not explained"
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                assert answer["content"], f"{name} does not say what it answers"
                continue
            told = answer["content"]["application/problem+json"]
            assert schemas.Problem.model_validate(told["example"]).status == int(status), f"{name}, {status}"
            assert ("Retry-After" in answer.get("headers", {})) == (
                status in ("429", "503") and name.split()[1].startswith("/v1")
            ), f"{name}, {status}"


def test_no_schema_is_described_that_is_not_ours(described: dict[str, Any]) -> None:
    assert set(described["components"]["schemas"]) <= {model.__name__ for model in MODELS}
