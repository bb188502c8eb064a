"""dbt-duckdb's plugin that gives dbt the lake's tables as its sources. Only dbt imports it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin

from mendel.core.prices import Prices
from mendel.marts import raw


class Plugin(BasePlugin):
    """Named in profiles.yml, whose `lake` is the lake's URI and whose `prices` are JSON, or empty."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._root: str = plugin_config["lake"]
        prices = plugin_config["prices"]
        self._prices = Prices.model_validate_json(prices) if prices else None

    def load(self, source_config: Any) -> pa.Table:
        return raw.read(self._root, source_config.identifier, self._prices)

    def default_materialization(self) -> str:
        return "view"
