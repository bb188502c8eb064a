"""Compile what numba compiles, once, when an image is built: the code is then in NUMBA_CACHE_DIR when a pod starts."""

import pyarrow as pa

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder
from mendel.models.ngram import CharNgram
from mendel.noise.kernel import Kernel
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates, ResolvedProfile
from mendel.recipes.channel import ChannelNgram

TEXTS = ["The state of the union is strong.", "We the people."] * 20


def main() -> None:
    rates = Rates(**dict.fromkeys(OPERATIONS, 0.05))
    letters = tuple(sorted(set("".join(TEXTS))))
    profile = ResolvedProfile(
        profile=NoiseProfile(name="warm", rates=rates),
        rates=rates,
        alphabet="".join(letters),
        weights=(1 / len(letters),) * len(letters),
    )
    ids = pa.array([str(i) for i in range(len(TEXTS))])
    noisy, _ = Kernel(profile, 0).corrupt(ids, pa.array([0] * len(TEXTS), pa.int32()), pa.array(TEXTS))
    recipe = ChannelNgram(kind="channel-ngram")
    for weights in (None, [1.0] * len(TEXTS)):
        ngram = CharNgram.fit(TEXTS, order=recipe.ngram.order, prune_from=recipe.ngram.prune_from, weights=weights)
    decoder = Decoder(Channel.from_profile(profile), ngram, recipe.decoder)
    decoder.warm_up()
    decoder.decode(noisy.to_pylist(), threads=2)
    ngram.bits_per_character(TEXTS)


if __name__ == "__main__":
    main()
