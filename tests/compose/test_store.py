"""The accounts of the store, on the real gateway where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import compose_store
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from processes import free_port

BUCKET = "mendel"
KEYS = ["lake/corpus/x", "lake/mlflow/x", "registry/x"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; its bucket is a folder that somebody made before there were accounts."""
    program = shutil.which("versitygw")
    if program is None:
        pytest.skip("versitygw is not on the PATH (github.com/versity/versitygw)")
    folder = tmp_path_factory.mktemp("store")
    for name in (f"data/{BUCKET}", "accounts"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    command = [program, "--quiet", "--port", f"127.0.0.1:{port}", "--iam-dir", str(folder / "accounts"), "posix"]
    owner = {"ROOT_ACCESS_KEY": "owner", "ROOT_SECRET_KEY": "owners"}
    process = subprocess.Popen([*command, str(folder / "data")], env=owner, cwd=folder)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def client(address: str, access: str, secret: str) -> Any:
    options = {"aws_access_key_id": access, "aws_secret_access_key": secret, "region_name": "us-east-1"}
    return Session().create_client("s3", endpoint_url=address, **options)


@pytest.fixture(scope="module")
def accounts(gateway: str) -> Callable[[str], Any]:
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
    ("name", "reads", "writes"), [("stages", KEYS, KEYS), ("mlflow", KEYS[1:2], []), ("restorer", KEYS[:2], [])]
)
def test_a_client_may_do_what_it_is_for(
    accounts: Callable[[str], Any], name: str, reads: list[str], writes: list[str]
) -> None:
    s3 = accounts(name)
    assert allowed(s3.list_objects_v2)
    assert [key for key in KEYS if allowed(s3.get_object, Key=key)] == reads
    assert [key for key in KEYS if allowed(s3.put_object, Key=key, Body=b"x")] == writes
    assert [key for key in KEYS if allowed(s3.delete_object, Key=f"{key}.none")] == writes
    assert not allowed(s3.put_bucket_policy, Policy="{}"), "nobody gives himself more"
    assert not allowed(s3.delete_bucket_policy)


def test_the_policy_names_all_and_gives_the_restorer_nothing_to_write_with() -> None:
    text = json.dumps(compose_store.policy(BUCKET))
    assert all(f'"{name}"' in text for name in compose_store.CLIENTS)
    for each in compose_store.policy(BUCKET)["Statement"]:
        if "restorer" in each["Principal"]["AWS"]:
            assert not [action for action in each["Action"] if "Put" in action or "Delete" in action]
