"""The accounts of the store, on the real gateway where it is installed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import compose_store
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from mendel.core.errors import InputError
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback

from .. import s3_gateway

BUCKET = "mendel"
KEYS = ["lake/corpus/x", "lake/feedback_inbox/x", "lake/mlflow/x", "registry/x"]

FEEDBACK = Feedback.model_validate(
    {
        "request_id": "r1",
        "at": "2026-11-29T12:00:00Z",
        "caller": "compose",
        "model_version": 1,
        "texts": [
            {
                "text": "teh",
                "changes": [
                    {"start": 0, "end": 3, "original": "teh", "replacement": "the", "confidence": 0.9, "accepted": True}
                ],
            }
        ],
    }
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; its bucket is a folder that somebody made before there were accounts."""
    folder = tmp_path_factory.mktemp("store")
    for name in (f"data/{BUCKET}", "accounts"):
        (folder / name).mkdir(parents=True)
    with s3_gateway.running(folder / "data", "--iam-dir", str(folder / "accounts")) as address:
        yield address


def client(address: str, access: str, secret: str) -> Any:
    options = {"aws_access_key_id": access, "aws_secret_access_key": secret, "region_name": "us-east-1"}
    return Session().create_client("s3", endpoint_url=address, **options)


@pytest.fixture(scope="module", params=["false", "true"])
def feedback(request: pytest.FixtureRequest) -> str:
    """Whether readers' feedback is kept; `true` comes after `false`, as somebody turns it on."""
    return str(request.param)


@pytest.fixture(scope="module")
def accounts(gateway: str, feedback: str) -> Callable[[str], Any]:
    """A client of the store by its name. The script has run twice, as at every start of the stack."""
    owner = client(gateway, "owner", "owners")
    for _ in range(50):
        try:
            owner.list_buckets()
            break
        except BotoCoreError:
            time.sleep(0.1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        environment = {"ACCESS_KEY_ID": "owner", "SECRET_ACCESS_KEY": "owners", "ENDPOINT_URL": gateway}
        for name, value in environment.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("BUCKET", BUCKET)
        monkeypatch.setenv("FEEDBACK", feedback)
        for name in compose_store.CLIENTS:
            monkeypatch.setenv(f"{name.upper()}_SECRET", f"{name}-secret")
        compose_store.main()
        compose_store.main()
    found = {name: client(gateway, name, f"{name}-secret") for name in compose_store.CLIENTS}
    for key in KEYS:
        found["stages"].put_object(Bucket=BUCKET, Key=key, Body=b"x")
    return found.__getitem__


def allowed(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("name", "reads", "writes"),
    [("stages", KEYS, KEYS), ("mlflow", KEYS[2:3], []), ("restorer", KEYS[:3], []), ("watch", KEYS[:3], [])],
)
def test_a_client_may_do_what_it_is_for(
    accounts: Callable[[str], Any], feedback: str, name: str, reads: list[str], writes: list[str]
) -> None:
    s3 = accounts(name)
    creates = KEYS[1:2] if (name, feedback) == ("restorer", "true") else writes
    assert allowed(s3.list_objects_v2)
    assert [key for key in KEYS if allowed(s3.get_object, Key=key)] == reads
    assert [key for key in KEYS if allowed(s3.put_object, Key=key, Body=b"x")] == creates
    assert [key for key in KEYS if allowed(s3.delete_object, Key=f"{key}.none")] == writes
    assert not allowed(s3.put_bucket_policy, Policy="{}"), "nobody gives himself more"
    assert not allowed(s3.delete_bucket_policy)


def test_the_restorer_leaves_feedback_where_it_is_kept(
    accounts: Callable[[str], Any], gateway: str, feedback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the restorer's own key, and no more than that
    accounts("restorer")
    environment = {"ACCESS_KEY_ID": "restorer", "SECRET_ACCESS_KEY": "restorer-secret", "ENDPOINT_URL": gateway}
    for name, value in environment.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients = pytest.importorskip("s3fs").S3FileSystem
    monkeypatch.setattr(clients, "_cache", {})  # of other keys
    # When it leaves feedback as the service does
    root = f"s3://{BUCKET}/lake"
    if feedback == "true":
        uri = inbox.put(root, FEEDBACK)
    else:
        with pytest.raises((InputError, OSError)):
            inbox.put(root, FEEDBACK)
    # Then it lies there, or nothing does
    assert list(inbox.files(root, "2026-11-29")) == ([uri] if feedback == "true" else [])


@pytest.mark.parametrize(("feedback", "creates"), [(False, []), (True, ["arn:aws:s3:::mendel/lake/feedback_inbox/*"])])
def test_the_policy_lets_the_restorer_create_feedback_where_it_is_kept_and_nothing_else(
    feedback: bool, creates: list[str]
) -> None:
    policy = compose_store.policy(BUCKET, feedback=feedback)
    assert all(f'"{name}"' in json.dumps(policy) for name in compose_store.CLIENTS)
    own = [each for each in policy["Statement"] if "restorer" in each["Principal"]["AWS"]]
    assert [each["Resource"] for each in own if "s3:PutObject" in each["Action"]] == creates
    assert not [action for each in own for action in each["Action"] if "Delete" in action or action.endswith("*")]
