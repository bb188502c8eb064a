"""Loading beside the event loop: one model at a time, and each version that requests pin once for all that wait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mendel.serving.models import Model

T = TypeVar("T")


class Loader:
    """One thread: two loads at once would need the memory of three models.

    The thread is the lock, so a caller that gives up does not let a second load begin beside the first.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "loading")

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class Pins:
    """The versions that requests pinned last. Made and used on one event loop."""

    def __init__(self, loader: Loader, load: Callable[[int], Model], size: int) -> None:
        self._loader = loader
        self._load = load
        self._size = size
        self._loaded: OrderedDict[int, Model] = OrderedDict()
        self._loading: dict[int, asyncio.Task[Model]] = {}
        self._turn = asyncio.Lock()

    async def get(self, version: int) -> Model:
        """The version's model. Raises what its loading raised.

        A caller that is cancelled leaves the load to go on: whoever asks again finds it done, or under way.
        """
        if (model := self._loaded.get(version)) is not None:
            self._loaded.move_to_end(version)
            return model
        if (task := self._loading.get(version)) is None:
            task = self._loading[version] = asyncio.create_task(self._fetch(version))
            task.add_done_callback(
                lambda future: future.cancelled() or future.exception()
            )  # perhaps nobody waits any more
        return await asyncio.shield(task)

    async def _fetch(self, version: int) -> Model:
        try:
            async with self._turn:
                while len(self._loaded) >= self._size:
                    self._loaded.popitem(last=False)  # before the next one needs its memory
                model = await self._loader.run(lambda: self._load(version))
                self._loaded[version] = model
            return model
        finally:
            del self._loading[version]
