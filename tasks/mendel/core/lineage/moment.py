"""What there is to tell of a run at one moment: which run it is, what started it, what it read and made."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest

State = Literal["START", "COMPLETE", "FAIL"]


@dataclass(frozen=True)
class RunName:
    """A run, and the job that it is one of. As text `namespace/job/run id`, which is how the other integrations hand it on."""

    namespace: str
    job: str
    run_id: str

    @classmethod
    def parse(cls, text: str) -> RunName:
        """Raises ValueError where it is no such text."""
        namespace, job, run_id = text.rsplit("/", 2)
        return cls(namespace, job, str(uuid.UUID(run_id)))


@dataclass(frozen=True)
class Ancestry:
    """What started a run, and what started that, first of all."""

    parent: RunName
    root: RunName

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Ancestry | None:
        """As the task that started this process hands it on; None where it does not, or in another form."""
        texts = [environment.get(f"OPENLINEAGE_{which}") for which in ("PARENT_ID", "ROOT_PARENT_ID")]
        try:
            parent, root = (RunName.parse(text) if text else None for text in texts)
        except ValueError:
            log.warning("lineage without a parent: it is not namespace/job/run id", given=" ".join(filter(None, texts)))
            return None
        return cls(parent, root or parent) if parent else None


@dataclass(frozen=True)
class RunMoment:
    """All that an event is made of."""

    run: RunName
    ancestry: Ancestry | None
    lake: str
    state: State
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    inputs: Sequence[InputEntry] = ()
    output: Manifest | None = None
    message: str = ""
    stack_trace: str | None = None
