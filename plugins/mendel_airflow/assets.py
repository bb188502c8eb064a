"""The assets: one for each dataset that a DAG ends in. Their events carry the partition key, `%Y-%m-%d`."""

from airflow.sdk import Asset


def _asset(name: str) -> Asset:
    return Asset(name=name, uri=f"mendel://{name}", group="mendel")


corpus = _asset("corpus")
pairs = _asset("pairs")
candidate = _asset("candidate")
champion = _asset("champion")
restored = _asset("restored")
restored_stream = _asset("restored_stream")
feedback = _asset("feedback")
drift = _asset("drift")
