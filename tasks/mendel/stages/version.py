"""The stage `version`: a dataset version becomes a commit and a tag of the data registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.versioning.data_registry import DataRegistry
from mendel.versioning.settings import RegistrySettings, Subject


class Version(RegistrySettings, Stage):
    """Publishes one dataset's version in force. Corpus and pairs must have passed validation."""

    name: ClassVar[str] = "version"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "version"
    every_partition: ClassVar[bool] = True

    subject: Subject = Field("corpus", description="what is versioned; the command line says it")

    def target(self) -> str:
        return f"{self.subject}_version"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require(self.subject, validated=self.subject != "candidate")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        entry = inputs[self.subject]
        subject = draft.context.manifest_of(entry)
        with DataRegistry.open(self, draft.context.root, create=True) as registry:
            published = registry.publish(subject, draft.context.root)
        log.info("versioned", tag=published.tag, revision=published.revision)
        return Outcome(
            rows=subject.rows,
            digest=subject.digest,
            metrics={"tag": published.tag, "bytes": sum(file.bytes for file in subject.files)},
            revision=published.revision,
        )
