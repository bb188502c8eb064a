"""Give each client of docker compose's store a key of its own, and no more rights than it needs.

Runs once a start, as the store's owner, in the stack's image. Settings come from the environment:
AWS_* of the owner, BUCKET, NAME_SECRET of each client, and FEEDBACK: true where readers' feedback is kept.
"""

import json
import os
from typing import Any
from xml.sax.saxutils import escape

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

READ = ["s3:GetObject"]
WRITE = [*READ, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
CLIENTS = {
    "stages": {"*": WRITE},  # and the light tasks beside them
    "mlflow": {"lake/mlflow/*": READ},  # its clients write by themselves; it shows what they wrote
    "restorer": {"lake/*": READ},
    "watch": {"lake/*": READ},
}
"""Client → what of the bucket → what it may do with it. All may list the bucket."""
FEEDBACK = {"restorer": {"lake/feedback_inbox/*": ["s3:PutObject"]}}
"""More rights where readers' feedback is kept."""


def policy(bucket: str, *, feedback: bool) -> dict[str, Any]:
    """The bucket's policy: what is not in it is forbidden."""
    everything = f"arn:aws:s3:::{bucket}"
    listing = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
    statements = [{"Effect": "Allow", "Principal": {"AWS": [*CLIENTS]}, "Action": listing, "Resource": everything}]
    for rights_of in (CLIENTS, FEEDBACK) if feedback else (CLIENTS,):
        for client, rights in rights_of.items():
            for where, actions in rights.items():
                allowed = {"Action": actions, "Resource": f"{everything}/{where}"}
                statements.append({"Effect": "Allow", "Principal": {"AWS": [client]}, **allowed})
    return {"Version": "2012-10-17", "Statement": statements}


def main() -> None:
    session, bucket = Session(), os.environ["BUCKET"]
    for client in CLIENTS:
        account(session, client, os.environ[f"{client.upper()}_SECRET"])
    s3 = session.create_client("s3")
    if bucket in {entry["Name"] for entry in s3.list_buckets()["Buckets"]}:
        # A folder that was made a bucket by hand has no owner yet, and takes no policy before it has.
        owner = session.get_credentials().access_key
        administer(session, f"change-bucket-owner?bucket={bucket}&owner={owner}").raise_for_status()
    else:
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy(bucket, feedback=is_kept(os.environ["FEEDBACK"]))))


def is_kept(setting: str) -> bool:
    """Whether readers' feedback is kept. Ends the program where the setting says neither."""
    if setting not in ("true", "false"):
        raise SystemExit(f"RESTORER_FEEDBACK={setting}: write true or false")
    return setting == "true"


def account(session: Session, name: str, secret: str) -> None:
    """Make it, or give it this secret where it is there."""
    new = f"<Account><Access>{name}</Access><Secret>{escape(secret)}</Secret><Role>user</Role></Account>"
    answer = administer(session, "create-user", new)
    if answer.status_code == 409:
        changed = f"<MutableProps><Secret>{escape(secret)}</Secret></MutableProps>"
        answer = administer(session, f"update-user?access={name}", changed)
    answer.raise_for_status()


def administer(session: Session, action: str, body: str = "") -> requests.Response:
    """A call of versitygw's own API, signed as S3's are."""
    request = AWSRequest("PATCH", f"{os.environ['AWS_ENDPOINT_URL']}/{action}", data=body.encode())
    S3SigV4Auth(session.get_credentials(), "s3", session.get_config_variable("region")).add_auth(request)
    return requests.patch(request.url, data=body.encode(), headers=dict(request.headers), timeout=30)


if __name__ == "__main__":
    main()
