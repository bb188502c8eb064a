"""Spark's settings: what a pipeline may tune, and the deployment's part, taken from the environment.

Where Spark runs, what its JVM is started with and how it reaches the store are the deployment's.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator

from mendel.core import allowed
from mendel.core.errors import InputError

SETTINGS = "MENDEL_SPARK"
"""Settings as a YAML mapping; on a cluster the master, the driver's address, the executors' number and size."""

EXECUTOR = "MENDEL_SPARK_EXECUTOR"
"""Template of the executors' pods, YAML; Spark takes it from a file."""

TUNING = (
    *("spark.master", "spark.app.name", "spark.log.level"),
    *("spark.driver.memory", "spark.driver.memoryOverhead", "spark.driver.maxResultSize"),
    *("spark.executor.instances", "spark.executor.cores", "spark.executor.memory", "spark.executor.memoryOverhead"),
    *("spark.task.cpus", "spark.cores.max", "spark.default.parallelism", "spark.speculation"),
    *(
        "spark.memory.fraction",
        "spark.memory.storageFraction",
        "spark.memory.offHeap.enabled",
        "spark.memory.offHeap.size",
    ),
    *("spark.network.timeout", "spark.executor.heartbeatInterval"),
    *("spark.sql.shuffle.partitions", "spark.sql.adaptive.enabled", "spark.sql.execution.arrow.maxRecordsPerBatch"),
    *(
        "spark.sql.files.maxPartitionBytes",
        "spark.sql.files.maxRecordsPerFile",
        "spark.sql.maxConcurrentOutputFileWriters",
    ),
    *("spark.sql.streaming.noDataMicroBatches.enabled", "spark.sql.streaming.minBatchesToRetain"),
)
"""What a pipeline may set: how much at a time, and with how much memory."""

LOCAL = re.compile(r"local(\[[\w*,]+\])?")


def deployed(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Spark's settings by the environment; empty on a laptop. Raises InputError where a variable is not YAML."""
    settings = store(environment)
    if template := environment.get(EXECUTOR):
        path = Path(tempfile.gettempdir()) / f"mendel-executor-{os.getpid()}.yaml"
        path.write_text(template)
        settings["spark.kubernetes.executor.podTemplateFile"] = str(path)
    return settings | _settings(environment.get(SETTINGS, ""))


def _tuning(settings: dict[str, str]) -> dict[str, str]:
    """A pipeline's own settings; ValueError names one that is not among those it may set."""
    elsewhere = f"all others are the deployment's, in {SETTINGS}"
    if not LOCAL.fullmatch(master := settings.get("spark.master", "local")):
        raise ValueError(f"spark.master {master!r}: a pipeline may set local, local[4] or local[*]; {elsewhere}")
    return allowed.only(TUNING, settings, elsewhere)


Tuning = Annotated[dict[str, str], AfterValidator(_tuning)]
"""The key `spark` of a section."""


def store(environment: Mapping[str, str]) -> dict[str, str]:
    """How S3A reaches the store: as every other client here does, by the variables of AWS's SDKs."""
    prefix = "spark.hadoop.fs.s3a"
    settings: dict[str, str] = {}
    if endpoint := environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"):
        settings |= {
            f"{prefix}.endpoint": endpoint,
            f"{prefix}.path.style.access": "true",  # buckets of a server of one's own are no host names
            f"{prefix}.connection.ssl.enabled": str(urlsplit(endpoint).scheme == "https").lower(),
        }
    if region := environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"):
        settings[f"{prefix}.endpoint.region"] = region
    if settings or "AWS_ROLE_ARN" in environment:
        # Hadoop's own list leaves out the tokens that a service account's role is taken with.
        settings[f"{prefix}.aws.credentials.provider"] = (
            "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
        )
    return settings


def _settings(text: str) -> dict[str, str]:
    try:
        settings: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{SETTINGS} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise InputError(f"{SETTINGS} must be a mapping of Spark's settings, found {type(settings).__name__}")
    return {str(key): str(value) for key, value in settings.items()}
