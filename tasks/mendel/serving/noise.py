"""Noise to try the service with: the shipped profiles through the kernel that makes training pairs."""

from __future__ import annotations

from functools import lru_cache

from pydantic import ValidationError

from mendel.core import config, lake
from mendel.core.errors import InputError
from mendel.core.stage import explain
from mendel.noise.calibrate import micro_cer, resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, ResolvedProfile

ALPHABET = "".join(map(chr, range(32, 127)))
"""Printable ASCII stands for the corpus of a champion that has no noise profile, and before there is one."""


class Noises:
    """The profiles of a folder, by file name."""

    def __init__(self, folder: str) -> None:
        uris = [uri for uri in lake.list_files(folder) if uri.endswith(".yaml")]
        self.uris = {uri.rsplit("/", 1)[1].removesuffix(".yaml"): uri for uri in uris}
        self._profile = lru_cache(self._read)
        self._resolved = lru_cache(self._resolve)

    def corrupt(self, text: str, profile: str, seed: int, learned: ResolvedProfile | None) -> tuple[str, float]:
        """Noisy text and its CER; equal arguments, equal text. `learned` is the champion's own profile: noise has the
        characters of its corpus. Raises InputError where there is no such profile."""
        import pyarrow as pa

        if profile not in self.uris:
            raise InputError(f"there is no noise profile {profile!r}; choose one of {', '.join(self.uris) or 'none'}")
        if learned and learned.profile == self._profile(profile):
            kernel = Kernel(learned, seed)
        else:
            kernel = Kernel(self._resolved(profile, learned.alphabet if learned else ALPHABET), seed)
        noisy = kernel.corrupt(pa.array(["page"]), pa.array([0], pa.int64()), pa.array([text], pa.string())).noisy
        (damaged,) = noisy.to_pylist()
        return damaged, micro_cer([text], [damaged])

    def _resolve(self, name: str, alphabet: str) -> ResolvedProfile:
        return resolve(self._profile(name), [alphabet], seed=0)

    def _read(self, name: str) -> NoiseProfile:
        try:
            return NoiseProfile.model_validate(config.load(self.uris[name]))
        except ValidationError as error:
            raise explain(error, self.uris[name]) from error
