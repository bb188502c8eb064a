"""`mendel marts`: figures for dashboards, made by dbt of the lake's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mendel.cli.options import Config

app = typer.Typer(no_args_is_help=True, help="Figures for dashboards, made by dbt of the lake's tables.")


@app.callback()
def marts() -> None:
    pass


@app.command()
def build(
    config: Config,
    out: Annotated[
        str | None, typer.Option(help="DuckDB file to write: path or URI. Without it marts.duckdb in the lake.")
    ] = None,
    docs: Annotated[Path | None, typer.Option(help="HTML file to write dbt's documentation of them to.")] = None,
) -> None:
    """Make the marts anew, and put them in place once all of dbt's tests have passed.

    dbt has an environment of its own, which `make marts` sets up; MENDEL_DBT names the program where it is elsewhere.

    Example: `mendel marts build -c include/pipelines/demo.yaml`
    """
    from mendel.core import lake
    from mendel.marts import building
    from mendel.pipeline import load_section

    root, prices = load_section(config, "prices")
    target = lake.normalise(out) if out else lake.join(root, "marts.duckdb")
    building.build(root, target, docs, prices)
    print(f"marts are in {target}")
