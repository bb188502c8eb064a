"""The deployment's part of Spark's settings."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mendel.corruption.spark_settings import EXECUTOR, SETTINGS, deployed
from mendel.errors import InputError


def test_a_laptop_says_nothing() -> None:
    assert deployed({}) == {}


def test_settings_are_the_variables() -> None:
    text = "spark.master: k8s://https://kubernetes.default.svc\nspark.executor.instances: 2\nspark.ui.enabled: false"
    found = deployed({SETTINGS: text})
    assert found["spark.master"] == "k8s://https://kubernetes.default.svc"
    assert found["spark.executor.instances"] == "2", "Spark takes strings"


@pytest.mark.parametrize(("text", "message"), [("a: b: c", "is not YAML"), ("- a", "must be a mapping.*found list")])
def test_what_is_no_mapping_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"{SETTINGS}.*{message}"):
        deployed({SETTINGS: text})


def test_the_executors_template_goes_into_a_file() -> None:
    template = "kind: Pod\nspec: {containers: [{name: executor}]}"
    path = Path(deployed({EXECUTOR: template})["spark.kubernetes.executor.podTemplateFile"])
    try:
        assert yaml.safe_load(path.read_text())["kind"] == "Pod"
    finally:
        path.unlink()


@pytest.mark.parametrize(("url", "encrypted"), [("http://s3:7070", "false"), ("https://s3.example", "true")])
def test_a_store_of_ones_own_is_reached_by_its_address(url: str, encrypted: str) -> None:
    found = deployed({"AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1"})
    assert found["spark.hadoop.fs.s3a.endpoint"] == url
    assert found["spark.hadoop.fs.s3a.connection.ssl.enabled"] == encrypted
    assert found["spark.hadoop.fs.s3a.path.style.access"] == "true"
    assert found["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"


def test_a_role_is_a_credential() -> None:
    assert "spark.hadoop.fs.s3a.aws.credentials.provider" in deployed({"AWS_ROLE_ARN": "arn:aws:iam::1:role/spark"})
    assert "spark.hadoop.fs.s3a.endpoint" not in deployed({"AWS_ROLE_ARN": "arn:aws:iam::1:role/spark"})
