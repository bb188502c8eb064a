"""The kinds of recipes: those that come with Mendel, and those of packages that are installed beside it.

A package adds one by an entry point in the group `mendel.recipes`: its name is the kind, its value `module:class` of a
`Recipe`. The class names its maker and its restorer; nothing else has to be told.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from mendel.core.errors import InputError
from mendel.recipes.channel import ChannelLlm, ChannelNgram
from mendel.recipes.recipe import Recipe
from mendel.recipes.rewriter import CausalLora, Seq2SeqLora

GROUP = "mendel.recipes"
BUILT_IN: dict[str, type[Recipe]] = {
    "causal-lora": CausalLora,
    "channel-llm": ChannelLlm,
    "channel-ngram": ChannelNgram,
    "seq2seq-lora": Seq2SeqLora,
}


def _of_others() -> dict[str, type[Recipe]]:
    """Raises InputError naming a package whose recipe cannot be loaded: a pipeline might mean it."""
    recipes = {}
    for entry in entry_points(group=GROUP):
        try:
            recipes[entry.name] = entry.load()
        except Exception as error:
            raise InputError(
                f"the recipe {entry.name!r} of an installed package ({entry.value}) cannot be loaded: {error!r}. "
                "Mend that package, or uninstall it"
            ) from error
    return recipes


KINDS = _of_others() | BUILT_IN
"""Every recipe's class, by its kind. Nobody takes the name of one that comes with Mendel."""

if TYPE_CHECKING:
    AnyRecipe = Recipe
else:
    AnyRecipe = Annotated[Union[tuple(KINDS.values())], Field(discriminator="kind")]  # noqa: UP007 (of as many as there are)


def named(path: str) -> Any:
    """What a recipe names as `module:name`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
