"""The settings of `mendel serve`: the section `serve` of a pipeline file."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mendel.core.frozen import Frozen


class Canary(Frozen):
    """A model beside the champion, on a part of the requests that pin no version."""

    fraction: float = Field(gt=0, le=1, description="of these requests, chosen by a hash of their X-Request-ID")
    shadow: bool = Field(True, description="the champion answers; what the canary would have answered is only compared")
    version: int | None = Field(None, ge=1, description="the canary's; without it the candidate that was declined last")
    queue_characters: int = Field(20_000, ge=1, description="waiting at most in the shadow; what is beyond is dropped")

    @model_validator(mode="after")
    def _an_answer_comes_from_a_chosen_version(self) -> Self:
        if not self.shadow and self.version is None:
            raise ValueError("a candidate that was declined must not answer: name another version, or set shadow: true")
        return self


class Serve(Frozen):
    """Address, limits, and how requests share the model."""

    host: str = Field("127.0.0.1", description="address to bind; any but loopback needs keys_file")
    port: int = Field(8080, ge=0, le=65535, description="0 takes a free one")
    hosts: tuple[str, ...] | None = Field(
        None,
        description="names (Host) by which it may be called; by default those of loopback on loopback, elsewhere any",
    )
    keys_file: str | None = Field(
        None, description="path or URI of the callers' key hashes (`mendel api-key` makes lines)"
    )
    model: str = Field(
        "champion",
        description="who answers: champion (each new one as it comes), or for a trial a version, a candidate's fingerprint "
        "or candidate, the newest one",
    )
    profiles: str = Field("include/noise", description="folder of the noise profiles that /v1/corrupt offers")
    poll_seconds: float = Field(5.0, gt=0, description="between looks at the ledger for a new champion")
    pinned_models: int = Field(2, ge=1, description="versions besides the champion that stay loaded for requests")
    canary: Canary | None = Field(None, description="a second model beside the champion")
    batch_seconds: float = Field(
        0.25, gt=0, description="work that one batch may hold, by the speed of those before it"
    )
    batch_texts: int = Field(64, ge=1, description="most pieces of texts in a batch")
    queue_characters: int = Field(
        200_000, ge=1, description="whose turn may come before a request is done; beyond it 429"
    )
    max_texts: int = Field(256, ge=1, description="of one request")
    max_characters: int = Field(
        50_000, ge=1, description="of one request, all its texts together; fewer where the model needs `answer_seconds`"
    )
    max_body_bytes: int = Field(1_000_000, ge=1000, description="of one request")
    max_requests: int = Field(500, ge=1, description="to /v1 under way at once, with a key; beyond them 503")
    max_connections: int = Field(
        900,
        ge=2,
        description="open at once, below the files that the process may open; one more takes the place of an idle one",
    )
    max_strangers: int = Field(
        200, ge=1, description="connections that have not shown a key; one more takes the place of the oldest"
    )
    body_seconds: float = Field(10.0, gt=0, description="in which a request's body has to arrive")
    write_seconds: float = Field(30.0, gt=0, description="in which a client has to read what it is sent")
    answer_seconds: float = Field(60.0, gt=0, description="after which a request is given up with 503")
    document_seconds: float = Field(
        30.0,
        gt=0,
        description="after which a document's sentences that have had no turn stay as they are; at most half of answer_seconds",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="after SIGTERM it answers so long, not ready, each connection closed: callers go elsewhere",
    )
    feedback: bool = Field(
        False,
        description="keep what callers say about changes (`/v1/feedback`), with the texts that these are of, in the lake",
    )
    log_text: bool = Field(False, description="put the texts into the access log")

    @model_validator(mode="after")
    def _probes_find_a_connection(self) -> Self:
        if self.max_connections <= self.max_requests:
            raise ValueError("max_connections must be more than max_requests: probes need a connection under any load")
        return self
