"""Where Spark runs and how it reaches the store: the deployment's part of its settings, taken from the environment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from mendel.errors import InputError

SETTINGS = "MENDEL_SPARK"
"""Settings as a YAML mapping; on a cluster the master, the driver's address, the executors' number and size."""

EXECUTOR = "MENDEL_SPARK_EXECUTOR"
"""Template of the executors' pods, YAML; Spark takes it from a file."""


def deployed(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Spark's settings by the environment; empty on a laptop. Raises InputError where a variable is not YAML."""
    settings = store(environment)
    if template := environment.get(EXECUTOR):
        path = Path(tempfile.gettempdir()) / f"mendel-executor-{os.getpid()}.yaml"
        path.write_text(template)
        settings["spark.kubernetes.executor.podTemplateFile"] = str(path)
    return settings | _settings(environment.get(SETTINGS, ""))


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
        found: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{SETTINGS} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{SETTINGS} must be a mapping of Spark's settings, found {type(found).__name__}")
    return {str(key): str(value) for key, value in found.items()}
