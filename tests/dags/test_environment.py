"""What a stage beside the worker sees of Airflow's environment."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from mendel_airflow.environment import of_stage

SECRETS = {
    "AIRFLOW__CORE__FERNET_KEY": "k",
    "AIRFLOW__API_AUTH__JWT_SECRET": "k",
    "AIRFLOW__API__SECRET_KEY": "k",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://user:k@host/airflow",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://k",
    "AIRFLOW_VAR_TOKEN": "k",
    "_AIRFLOW_PROCESS_CONTEXT": "x",
    "ADMIN_PASSWORD": "k",
    "POSTGRES_PASSWORD": "k",
    "RESTORER_API_KEY": "k",
    "GITHUB_TOKEN": "k",
}
NEEDED = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C",
    "JAVA_HOME": "/java",
    "MENDEL_LAKE": "s3://lake",
    "MLFLOW_TRACKING_URI": "http://mlflow",
    "OPENLINEAGE_URL": "http://marquez",
    "AWS_ACCESS_KEY_ID": "stages",
    "GIT_SSH_COMMAND": "ssh",
    "HF_HOME": "/hf",
    "OMP_NUM_THREADS": "2",
    "SPARK_LOCAL_IP": "127.0.0.1",
}


def test_a_stage_gets_what_it_needs_and_no_secret_of_airflow() -> None:
    assert of_stage(SECRETS | NEEDED) == NEEDED


def test_a_deployment_can_name_more() -> None:
    more = {"MENDEL_STAGE_ENV": "GITHUB_TOKEN, ABSENT"}
    assert of_stage(SECRETS | NEEDED | more) == NEEDED | more | {"GITHUB_TOKEN": "k"}


@pytest.mark.parametrize("name", ["AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_AWS_DEFAULT"])
def test_airflows_own_cannot_be_named(name: str) -> None:
    with pytest.raises(AirflowFailException, match=f"MENDEL_STAGE_ENV names {name}"):
        of_stage(SECRETS | {"MENDEL_STAGE_ENV": f"GITHUB_TOKEN,{name}"})
