"""A moment of a run as OpenLineage's event, through its official client."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    OutputDatasetFacet,
    RunFacet,
    base_subset_dataset,
    dataset_version_dataset,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
)

from mendel.core import lake
from mendel.core.code_version import code_version
from mendel.core.lineage import names
from mendel.core.lineage.moment import Ancestry, RunMoment
from mendel.core.lineage.names import DatasetName
from mendel.core.manifest import FileEntry, InputEntry, Manifest

PRODUCER = "https://github.com/mendel-pipeline/mendel"


def emit(moment: RunMoment) -> None:
    """Send a moment to wherever the client's own variables say. Raises what the client does."""
    client = OpenLineageClient()
    client.emit(event(moment))
    client.close()


def event(moment: RunMoment) -> RunEvent:
    """What is sent."""
    return RunEvent(
        eventType=RunState(moment.state),
        eventTime=moment.time.isoformat(),
        producer=PRODUCER,
        run=Run(moment.run.run_id, facets=_run_facets(moment)),
        job=Job(moment.run.namespace, moment.run.job, facets=_job_facets()),
        inputs=[_input(moment.lake, entry) for entry in moment.inputs],
        outputs=[_output(moment.lake, moment.output)] if moment.output else [],
    )


def _run_facets(moment: RunMoment) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(version=code_version(), name="mendel")
    }
    if moment.ancestry is not None:
        facets["parent"] = _parent(moment.ancestry)
    if moment.state == "FAIL":
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            moment.message, programmingLanguage="python", stackTrace=moment.stack_trace
        )
    return facets


def _parent(ancestry: Ancestry) -> RunFacet:
    parent, root = ancestry.parent, ancestry.root
    return parent_run.ParentRunFacet(
        run=parent_run.Run(parent.run_id),
        job=parent_run.Job(parent.namespace, parent.job),
        root=parent_run.Root(run=parent_run.RootRun(root.run_id), job=parent_run.RootJob(root.namespace, root.job)),
    )


def _job_facets() -> dict[str, JobFacet]:
    return {"jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="MENDEL", jobType="STAGE")}


def _input(root: str, entry: InputEntry) -> InputDataset:
    dataset = names.of_input(root, entry)
    facets: dict[str, InputDatasetFacet] = {
        "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=entry.rows)
    }
    if partition := _partition(dataset):
        facets["subset"] = base_subset_dataset.InputSubsetInputDatasetFacet(partition)
    return InputDataset(dataset.namespace, dataset.name, facets=_version(dataset), inputFacets=facets)


def _output(root: str, version: Manifest) -> OutputDataset:
    dataset = names.of_output(root, version)
    facets: dict[str, OutputDatasetFacet] = {
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=version.rows, size=sum(file.bytes for file in version.files), fileCount=len(version.files)
        )
    }
    if partition := _partition(dataset):
        facets["subset"] = base_subset_dataset.OutputSubsetOutputDatasetFacet(partition)
    about = {**_version(dataset), **_schema(root, version.files)}
    return OutputDataset(dataset.namespace, dataset.name, facets=about, outputFacets=facets)


def _version(dataset: DatasetName) -> dict[str, DatasetFacet]:
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(dataset.version)}


def _partition(dataset: DatasetName) -> base_subset_dataset.PartitionSubsetCondition | None:
    if dataset.partition is None:
        return None
    partition = base_subset_dataset.Partition(dimensions={"dt": dataset.partition})
    return base_subset_dataset.PartitionSubsetCondition([partition])


def _schema(root: str, files: Sequence[FileEntry]) -> dict[str, DatasetFacet]:
    """Columns of the largest Parquet file, by its footer: what lies beside a table (what was dropped, say) is smaller."""
    tables = [file for file in files if file.path.endswith(".parquet")]
    if not tables or find_spec("pyarrow") is None:
        return {}
    import pyarrow.parquet as pq

    with lake.open_uri(lake.join(root, max(tables, key=lambda file: file.bytes).path)) as file:
        columns = pq.read_schema(file)
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type), ordinal_position=number)
        for number, column in enumerate(columns, start=1)
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields)}
