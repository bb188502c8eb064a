"""Data Docs: every validation as an HTML page under `<lake>/data_docs/`, listed in a stable `index.html`.

    index.html                     all validations, newest first
    validations/<suite>/<run>/…    one page each
    expectations/<suite>.html      each suite with its latest thresholds
    results/, suites/              the same as JSON, from which the index is built

A static site: open it from the disk, or let any web server or bucket serve it.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mendel.core import lake
from mendel.quality import suite as suites
from mendel.quality.suite import Suite, SuiteResult

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

FOLDER = "data_docs"
LISTED = 200
"""Validations in the index; older pages stay."""


class DataDocs:
    """A site in a local folder, and the Great Expectations context that writes to it."""

    def __init__(self, folder: Path, uri: str) -> None:
        self._folder = folder
        self._uri = uri
        self._context = _context(folder)

    @classmethod
    @contextmanager
    def open(cls, root: str) -> Iterator[DataDocs]:
        """The lake's site. For a remote lake its results are fetched first, and the site is uploaded at the end."""
        uri = lake.join(root, FOLDER)
        local = lake.local_path(uri)
        if local is not None:
            local.mkdir(parents=True, exist_ok=True)
            yield cls(local, uri)
            return
        with tempfile.TemporaryDirectory(prefix="mendel-data-docs-") as folder:
            for place in lake.list_files(uri):
                relative = place.removeprefix(uri).strip("/")
                if not relative.startswith("static/"):
                    lake.download(place, Path(folder) / relative)
            try:
                yield cls(Path(folder), uri)
            finally:
                lake.upload(Path(folder), uri)

    def validate(self, suite: Suite, run: str) -> SuiteResult:
        """Check a suite's frame and publish the page of what came out. `run` names it in the index."""
        import great_expectations as gx
        from great_expectations.core.run_identifier import RunIdentifier

        # The site keeps the suite of the last run, which a killed run may have left half written.
        (self._folder / "suites" / f"{suite.name}.json").unlink(missing_ok=True)
        asset = self._context.data_sources.add_pandas(suite.name).add_dataframe_asset("rows")
        definition = gx.ValidationDefinition(
            name=suite.name,
            data=asset.add_batch_definition_whole_dataframe("whole"),
            suite=self._context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=list(suite.expectations))),
        )
        checkpoint = gx.Checkpoint(
            name=suite.name,
            validation_definitions=[self._context.validation_definitions.add(definition)],
            actions=[gx.checkpoint.UpdateDataDocsAction(name="publish")],
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": [suite.key],
                "partial_unexpected_count": 10,
            },
        )
        ran = self._context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": suite.frame},
            run_id=RunIdentifier(run_name=run, run_time=datetime.now(UTC)),
        )
        [(identifier, result)] = ran.run_results.items()
        [site] = self._context.get_docs_sites_urls(resource_identifier=identifier)
        return SuiteResult(
            suite=suite.name,
            expectations=len(result.results),
            failures=[suites.failure(item) for item in result.results if not item.success],
            measured=dict(map(suites.metric, result.results)),
            page=lake.join(self._uri, str(site["site_url"]).removeprefix(f"file://{self._folder}")),
            result=result.describe(),
        )


def _context(folder: Path) -> EphemeralDataContext:
    """A context that lives in memory but for its results and its site, tells nobody and shows no bars."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig

    def on_disk(path: Path) -> dict[str, str]:
        return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(path)}

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
            expectations_store_name="expectations",
            checkpoint_store_name="checkpoints",
            validation_results_store_name="results",
            stores={
                "expectations": {"class_name": "ExpectationsStore", "store_backend": on_disk(folder / "suites")},
                "checkpoints": {"class_name": "CheckpointStore"},
                "validation_definition_store": {"class_name": "ValidationDefinitionStore"},
                "results": {"class_name": "ValidationResultsStore", "store_backend": on_disk(folder / "results")},
            },
            data_docs_sites={
                "site": {
                    "class_name": "SiteBuilder",
                    "show_how_to_buttons": False,
                    "store_backend": on_disk(folder),
                    "site_section_builders": {"profiling": "None"},
                    "site_index_builder": {
                        "class_name": "DefaultSiteIndexBuilder",
                        "validation_results_limit": LISTED,
                        "renderer": {"module_name": __name__, "class_name": "IndexRenderer"},
                        "view": {"module_name": __name__, "class_name": "IndexView"},
                    },
                }
            },
        ),
    )


class IndexRenderer:
    """Hands the index's links to the view as they are."""

    def render(self, links: Mapping[str, Any]) -> Mapping[str, Any]:
        return links


class IndexView:
    """The index as plain HTML. Great Expectations' own is drawn by scripts from the internet; offline it is empty."""

    def render(self, links: Mapping[str, Any], **_: Any) -> str:
        rows = "\n".join(map(_row, links.get("validations_links", [])))
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Mendel: Data Docs</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ border-bottom: 1px solid #ddd; padding: .4rem .8rem; text-align: left; }}
  .passed {{ color: #1a7f37; }} .failed {{ color: #cf222e; font-weight: bold; }}
</style>
</head>
<body>
<h1>Data Docs</h1>
<p>The newest {LISTED} validations. Each page lists every expectation with what was observed.</p>
<table>
<thead><tr><th>Suite</th><th>Partition and version</th><th>When (UTC)</th><th>Result</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def _row(link: Mapping[str, Any]) -> str:
    result = "passed" if link["validation_success"] else "failed"
    return (
        f'<tr><td><a href="{html.escape(link["filepath"])}">{html.escape(link["expectation_suite_name"])}</a></td>'
        f"<td>{html.escape(link['run_name'])}</td><td>{link['run_time']:%Y-%m-%d %H:%M:%S}</td>"
        f'<td class="{result}">{result}</td></tr>'
    )
