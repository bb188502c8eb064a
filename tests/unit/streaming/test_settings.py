"""What the section `stream` takes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mendel.streaming.settings import Kafka, Stream

HERE = {"kind": "kafka", "servers": "localhost:9092", "topic": "t"}


@pytest.mark.parametrize("end", ["source", "sink"])
@pytest.mark.parametrize(
    "key",
    [
        "kafka.sasl.jaas.config",
        "kafka.sasl.client.callback.handler.class",
        "kafka.metric.reporters",
        "kafka.interceptor.classes",
        "kafka.ssl.truststore.location",
        "kafka.ssl.engine.factory.class",
        "kafka.bootstrap.servers",
        "subscribePattern",
    ],
)
def test_a_pipeline_tells_kafkas_client_no_code_file_or_other_place(end: str, key: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"{key} may not be set .*kafka\.security\.protocol.*MENDEL_KAFKA_OPTIONS"
    ):
        Stream.model_validate({end: HERE | {"options": {key: "x"}}})


def test_a_pipeline_tunes_kafkas_client() -> None:
    options = {"failOnDataLoss": "false", "kafka.request.timeout.ms": "5000", "kafka.security.protocol": "SASL_SSL"}
    source = Stream.model_validate({"source": HERE | {"options": options}}).source
    assert isinstance(source, Kafka)
    assert source.options == options
