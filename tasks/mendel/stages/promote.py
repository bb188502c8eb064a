"""The stage `promote`: writes into the ledger what becomes of a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.prices import Prices
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision, History

if TYPE_CHECKING:
    from mendel.promotion.model_card import Lineage


class Promote(Stage):
    """The gate's verdict, a person's word and the ledger's state, made into one decision.

    A candidate is promoted only if it has beaten the champion of that moment. MLflow's aliases follow the
    ledger afterwards (`model_registry.follow`).
    """

    name: ClassVar = "promote"
    stage_version: ClassVar = 2
    dataset: ClassVar = "promotion"

    rejected_by: str | None = Field(None, min_length=1, description="the person who turned the candidate down")
    registered_model: str | None = Field(
        None,
        pattern=r"^[\w .-]+$",
        description="name of the registered model in MLflow; without it mendel-NAME by the pipeline's name",
    )

    prices: Prices | None = Field(None, description="for the model card; without them those of the pipeline")

    def identity(self) -> Any:
        """All but where and how it is shown."""
        return self.model_dump(mode="json", exclude={"registered_model", "prices"})

    @property
    def model_name(self) -> str:
        """Of the registered model."""
        assert self.registered_model is not None, "the pipeline names it"
        return self.registered_model

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        """The candidate and the evaluation that judged it."""
        candidate, evaluation = context.require("candidate"), context.require("evaluation")
        if not _judged(context, evaluation).made_from(candidate):
            raise InputError(
                f"{evaluation.uri} judged another candidate than {candidate.uri}. "
                f"Run: mendel evaluate --partition {context.partition}"
            )
        return [candidate, evaluation]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        from mendel.evaluation.evaluation import Evaluation  # loads numpy
        from mendel.promotion import model_card, model_registry, seal  # loads mlflow, sqlalchemy

        context = draft.context
        candidate, evaluation = context.manifest_of(inputs["candidate"]), inputs["evaluation"]
        judged = _judged(context, evaluation)
        seal.check(context.root, judged)
        version = model_registry.register(context.root, self.model_name, candidate, evaluation.uri)
        lineage = model_card.Lineage.of(context.root, candidate)
        decision = ledger.append(
            context.root, lambda history: self._decide(history, context, lineage, version, evaluation)
        )
        log.info("decision", number=decision.number, action=decision.action, reasons="; ".join(decision.reasons))
        (draft.folder / "decision.json").write_text(decision.model_dump_json(indent=2), encoding="utf-8")
        card = model_card.card(self.model_name, decision, Evaluation.of(judged.metrics), lineage, self.prices)
        head = model_card.metadata(self.model_name, lineage)
        (draft.folder / model_card.NAME).write_text(head + card, encoding="utf-8")
        model_registry.describe(context.root, self.model_name, candidate.digest, decision.version, card)
        return Outcome(
            rows=1,
            # not of the reasons: they tell the time that a sentence took
            digest=digest.of_digests([candidate.digest, decision.action, str(decision.version)]),
            metrics={
                "action": decision.action,
                "version": decision.version,
                "reasons": decision.reasons,
                "number": decision.number,
                "champion_version": decision.champion,
            },
        )

    def settle(self, context: Context) -> None:
        """MLflow's aliases follow the ledger."""
        from mendel.promotion import model_registry  # loads mlflow, sqlalchemy

        model_registry.follow(context.root, self.model_name)

    def _decide(
        self, history: History, context: Context, lineage: Lineage, version: int, evaluation: InputEntry
    ) -> Decision:
        """The decision about a candidate, given all before it; the same one where it is among them already."""
        candidate = lineage.versions["candidate"]
        judgement = (candidate.digest, evaluation.digest, self.rejected_by)
        for past in () if context.force else reversed(history):
            if past.evaluation and (past.candidate.digest, past.evaluation.digest, past.rejected_by) == judgement:
                return past  # an earlier run was stopped after it wrote this
        judged = _judged(context, evaluation)
        verdict = judged.metrics["decision"]
        champion = ledger.state(history).champion
        objections = []
        if self.rejected_by:
            objections.append(f"rejected by {self.rejected_by}")
        if champion and champion.candidate.digest == candidate.digest:
            objections.append(f"unchanged: this is the champion, version {champion.version}, already")
        elif (champion.candidate.digest if champion else None) != _digest_to_beat(judged):
            current = f"is version {champion.version} now" if champion else "is none now"
            objections.append(f"the champion changed since the evaluation (it {current}): run mendel evaluate again")
        if not verdict["promote"]:
            objections += verdict["reasons"]
        return Decision(
            number=len(history) + 1,
            action="declined" if objections else "promoted",
            version=version,
            candidate=candidate,
            champion_before=champion.version if champion else None,
            evaluation=evaluation,
            rejected_by=self.rejected_by,
            reasons=tuple(objections or verdict["reasons"]),
            trained_because=lineage.trained_because,
            run_id=context.run_id,
            decided=datetime.now(UTC),
        )


def _judged(context: Context, evaluation: InputEntry) -> Manifest:
    return context.manifest_of(evaluation)


def _digest_to_beat(judged: Manifest) -> str | None:
    """Digest of the champion that the evaluated candidate faced; None where there was none."""
    return next((entry.digest for entry in judged.inputs if entry.name == "champion"), None)
