"""`mendel merge`: a candidate's language model for other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mendel.core import cache
from mendel.core.errors import InputError


def merge(
    candidate: Annotated[str, typer.Option(help="A candidate's folder: path or URI.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write: a new one.", show_default=False)],
) -> None:
    """Write a candidate's language model with the adapter merged into its weights: safetensors, with the tokenizer.

    Mendel merges at load and needs no such folder; servers of language models (vLLM, TGI) and converters do.

    Example: `mendel merge --candidate .mendel/lake/candidate/dt=2026-11-23/1f0c… --out merged`
    """
    import json

    from mendel.models.generation import Seq2SeqRewriter
    from mendel.models.llm import CausalLm
    from mendel.recipes.recipe import PretrainedModel
    from mendel.restorers.restorer import ADAPTER, DESCRIPTION

    if out.exists():
        raise InputError(f"--out {out} exists; choose another")
    found = cache.local(candidate)
    if not (found / ADAPTER).is_dir():
        raise InputError(f"{candidate} has no folder {ADAPTER}: its recipe tuned no pretrained language model")
    told = json.loads((found / DESCRIPTION).read_text())
    base = PretrainedModel.model_validate(told.get("llm", told)["base"])
    loader = Seq2SeqRewriter if told["kind"] == "seq2seq-lora" else CausalLm
    model = loader.load(base, found / ADAPTER)
    model.model.save_pretrained(out)
    model.tokenizer.save_pretrained(out)
    print(f"{base.id} with the adapter of {candidate} written to {out}")
