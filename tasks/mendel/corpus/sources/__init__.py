"""Where text comes from. Each source is a configuration that can be read; `kind` says which one is meant."""

from typing import Annotated

from pydantic import Field

from mendel.corpus.sources.files import FileSource
from mendel.corpus.sources.huggingface import HuggingFace
from mendel.corpus.sources.sotu import Sotu

AnySource = Annotated[Sotu | FileSource | HuggingFace, Field(discriminator="kind")]
