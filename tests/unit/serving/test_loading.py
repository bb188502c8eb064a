"""Loading beside the event loop: one at a time, once for all that wait, the latest kept."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mendel.core.errors import InputError
from mendel.serving.loading import Loader, Pins
from mendel.serving.models import Model

from .test_batcher import Upper, on_a_loop


class Lake:
    """Loads when it is told to go on, and remembers what was loaded and how many at once."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun: list[int] = []
        self.at_once = self.most_at_once = 0

    def load(self, version: int) -> Model:
        self.begun.append(version)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.go_on.wait(30)
        self.at_once -= 1
        if version == 13:
            raise InputError("broken")
        return Model(version, str(version), Upper(), speed=5000.0)


def pins(lake: Lake, size: int = 2) -> Pins:
    return Pins(Loader(), lake.load, size)


@on_a_loop
async def test_a_version_that_several_wait_for_is_loaded_once() -> None:
    lake = Lake()
    pinned = pins(lake)
    asking = [asyncio.create_task(pinned.get(1)) for _ in range(5)]
    await asyncio.sleep(0)

    lake.go_on.set()
    found = await asyncio.gather(*asking)

    assert lake.begun == [1]
    assert len({id(model) for model in found}) == 1


@on_a_loop
async def test_who_gives_up_leaves_the_load_to_the_next_and_no_second_one_begins_beside_it() -> None:
    # given
    lake = Lake()
    pinned = pins(lake)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pinned.get(1)
    # when
    other, same = asyncio.create_task(pinned.get(2)), asyncio.create_task(pinned.get(1))
    await asyncio.sleep(0.05)
    begun = list(lake.begun)
    lake.go_on.set()
    await asyncio.gather(other, same)
    # then
    assert begun == [1], "the second load waits for the first"
    assert (lake.begun, lake.most_at_once) == ([1, 2], 1)


@on_a_loop
async def test_alternating_pins_stay_loaded_and_the_oldest_makes_room() -> None:
    lake = Lake()
    lake.go_on.set()
    pinned = pins(lake, size=2)

    for version in (1, 2, 1, 2, 1, 3, 1, 2):
        assert (await pinned.get(version)).version == version

    assert lake.begun == [1, 2, 3, 2]


@on_a_loop
async def test_a_load_that_fails_is_tried_again() -> None:
    lake = Lake()
    lake.go_on.set()
    pinned = pins(lake)
    for _ in range(2):
        with pytest.raises(InputError, match="broken"):
            await pinned.get(13)
    assert lake.begun == [13, 13]
