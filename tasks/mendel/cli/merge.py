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
    from mendel.models.generation import Seq2SeqRewriter
    from mendel.models.llm import CausalLm
    from mendel.restorers.artifact import ADAPTER, kind_of, read
    from mendel.restorers.channel import ChannelArtifact
    from mendel.restorers.rewriter import REWRITERS, RewriterArtifact

    if out.exists():
        raise InputError(f"--out {out} exists; choose another")
    folder = cache.local(candidate)
    if not (folder / ADAPTER).is_dir():
        raise InputError(f"{candidate} has no folder {ADAPTER}: its recipe tuned no pretrained language model")
    kind = kind_of(folder, candidate)
    if kind in REWRITERS:
        loader: type[CausalLm] | type[Seq2SeqRewriter] = REWRITERS[kind]
        base = read(folder, RewriterArtifact).base
    else:
        llm = read(folder, ChannelArtifact).llm
        loader, base = CausalLm, llm.base if llm else None
    assert base is not None, "it has an adapter"
    model = loader.load(base, folder / ADAPTER)
    model.model.save_pretrained(out)
    model.tokenizer.save_pretrained(out)
    print(f"{base.id} with the adapter of {candidate} written to {out}")
