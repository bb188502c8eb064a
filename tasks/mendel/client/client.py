"""Asks a `mendel serve`: again where it is busy or away, never sooner than its Retry-After allows."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_before_delay, wait_random_exponential

from mendel.core.errors import InputError, MendelError

BUSY = frozenset({429, 502, 503, 504})
"""A later attempt may be answered: the service's own refusals, and those of a proxy before it."""
backoff = wait_random_exponential(multiplier=0.2, max=10)
"""Where the service does not say when: at random, so that many clients do not come back together."""


class UnavailableError(MendelError):
    """No answer within the client's patience."""


class Client:
    """`async with Client(url) as client:`. Restoring has no effect on the service, so to ask again is safe.

    `patience`: seconds, after which no further attempt is begun. `timeout`: seconds for one attempt.
    """

    def __init__(self, url: str, key: str | None = None, patience: float = 60.0, timeout: float = 90.0) -> None:
        if key is not None and not (key.isascii() and key.isprintable()):
            raise InputError("the API key has characters that no key has")
        try:
            self._http = httpx.AsyncClient(base_url=url, headers={"X-API-Key": key} if key else {}, timeout=timeout)
        except httpx.InvalidURL as error:
            raise InputError(f"{url!r} is no URL: {error}") from error
        self._patience = patience

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def restore(self, texts: Sequence[str], **options: object) -> list[dict[str, Any]]:
        """The answer's `results`, one for each text, in order; `options` are other keys of the request.

        Raises InputError where the request was refused, UnavailableError where nobody answered in time.
        """
        answer = await self._ask("POST", "/v1/restore", {"text": list(texts), **options})
        results: list[dict[str, Any]] = answer["results"]
        return results

    async def document(self, name: str, data: bytes, **options: str | float | None) -> tuple[bytes, int]:
        """A document restored, and how many of its sentences had no turn in time; its name's suffix tells the format.

        `options` are other parameters of the request; raises as `restore`.
        """
        query = {"name": name, **{key: value for key, value in options.items() if value is not None}}
        response = await self._answered("POST", "/v1/documents", params=query, content=data)
        return response.content, int(response.headers["X-Mendel-Unread"])

    async def models(self) -> dict[str, Any]:
        """The champion's version and every version that the service knows; raises as `restore`."""
        answer: dict[str, Any] = await self._ask("GET", "/v1/models")
        return answer

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        return (await self._answered(method, path, json=body)).json()

    async def _answered(self, method: str, path: str, **request: Any) -> httpx.Response:
        attempts = AsyncRetrying(
            retry=retry_if_exception(_passing), wait=_wait, stop=stop_before_delay(self._patience), reraise=True
        )
        try:
            return await attempts(self._once, method, path, **request)
        except httpx.HTTPStatusError as error:
            message = f"{error.request.url}: {error.response.status_code}: {_detail(error.response)}"
            if error.response.is_client_error and error.response.status_code not in BUSY:
                raise InputError(message) from error
            raise UnavailableError(message) from error
        except httpx.UnsupportedProtocol as error:
            raise InputError(f"{self._http.base_url}: a URL begins with http:// or https://") from error
        except httpx.TransportError as error:
            raise UnavailableError(f"{self._http.base_url} cannot be reached: {error!r}") from error

    async def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        return (await self._http.request(method, path, **request)).raise_for_status()


def _passing(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in BUSY
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    retry_after = error.response.headers.get("Retry-After", "") if isinstance(error, httpx.HTTPStatusError) else ""
    return max(float(retry_after) if retry_after.isdecimal() else 0.0, backoff(state))


def _detail(response: httpx.Response) -> str:
    """Of a problem+json; of anything else, the reason."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
