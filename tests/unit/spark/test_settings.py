"""The deployment's part of Spark's settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.pipeline import load_section
from mendel.spark.settings import EXECUTOR, SETTINGS, deployed
from mendel.stages.corrupt import Corrupt


def configured(settings: dict[str, str]) -> dict[str, str]:
    """The key `spark` of a stage as its pipeline has it."""
    return Corrupt.model_validate({"spark": settings}).spark


@pytest.mark.parametrize(
    "setting",
    [
        {"spark.driver.extraJavaOptions": "-XX:OnOutOfMemoryError=id"},
        {"spark.executor.extraJavaOptions": "-XX:OnOutOfMemoryError=id"},
        {"spark.driver.defaultJavaOptions": "-javaagent:/tmp/x.jar"},
        {"spark.driver.extraClassPath": "/tmp"},
        {"spark.jars": "http://evil/x.jar"},
        {"spark.jars.packages": "evil:x:1"},
        {"spark.submit.pyFiles": "/tmp/x.py"},
        {"spark.pyspark.python": "/tmp/x"},
        {"spark.executorEnv.LD_PRELOAD": "/tmp/x.so"},
        {"spark.plugins": "evil.Plugin"},
        {"spark.extraListeners": "evil.Listener"},
        {"spark.sql.extensions": "evil.Extension"},
        {"spark.sql.adaptive.customCostEvaluatorClass": "evil.Evaluator"},
        {"spark.hadoop.fs.s3a.endpoint": "http://evil"},
        {"spark.ui.enabled": "true"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_pipeline_names_no_code_and_no_other_place(setting: dict[str, str]) -> None:
    (key,) = setting
    with pytest.raises(
        ValidationError, match=rf"{re.escape(key)} may not be set .* spark\.driver\.memory.*MENDEL_SPARK"
    ):
        configured(setting)


@pytest.mark.parametrize(
    "master", ["k8s://https://evil", "spark://evil:7077", "yarn", "", "local[1] ", "local-cluster[1,1,1]"]
)
def test_a_pipeline_does_not_say_whose_cluster(master: str) -> None:
    with pytest.raises(ValidationError, match=r"spark\.master"):
        configured({"spark.master": master})


@pytest.mark.parametrize(
    "value", ["1g -XX:OnOutOfMemoryError=id", "1g\0-XX:OnOutOfMemoryError=id", "1g\n", "", "$(id)", "/etc/passwd"]
)
def test_a_value_is_one_plain_word(value: str) -> None:
    with pytest.raises(ValidationError, match=r"spark\.driver\.memory must be a plain"):
        configured({"spark.driver.memory": value})


def test_a_pipeline_tunes() -> None:
    tuned = {"spark.master": "local[*]", "spark.driver.memory": "4g", "spark.memory.fraction": "0.6"}
    assert configured(tuned) == tuned


def test_the_message_is_the_users(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("name: p\nlake: lake\nstream: {spark: {spark.jars: x}}\n")
    with pytest.raises(InputError, match=r"stream\.spark: .*spark\.jars may not be set by a pipeline"):
        load_section(str(file), "stream")


def test_the_deployment_may_set_anything() -> None:
    assert deployed({SETTINGS: "spark.driver.extraJavaOptions: -Xss4m"}) == {"spark.driver.extraJavaOptions": "-Xss4m"}


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
