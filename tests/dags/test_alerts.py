"""What reaches the receiver of alerts, over real connections, and what happens where none can be reached."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mendel_airflow import alerts

from .receivers import PATH, MailServer, Webhook, served

CONNECTION = "AIRFLOW_CONN_MENDEL_ALERTS"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with served(server := MailServer()):
        yield server


def test_a_webhook_gets_the_text_as_slack_takes_it(webhook: Webhook) -> None:
    # When an alert has details
    alerts.alert("corrupt_corpus: corrupt failed", run="monday", error="no room")
    # Then each is a line of the one field that Slack's incoming webhooks show
    assert webhook.posts == [(PATH, {"text": "corrupt_corpus: corrupt failed\nrun: monday\nerror: no room"})]


def test_what_looks_like_a_template_is_sent_as_it_is(webhook: Webhook) -> None:
    quoted = "{{ 1 / 0 }} {% raise"
    alerts.alert("a run failed", error=quoted)
    assert webhook.posts == [(PATH, {"text": f"a run failed\nerror: {quoted}"})]


def test_an_e_mail_goes_to_whom_the_connection_names(mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a mail server with an address to write to
    monkeypatch.setenv(CONNECTION, mail_server.connection(to="team@example.com"))
    # When the error has what HTML would take for a tag
    alerts.alert("corrupt_corpus: corrupt failed", error="<class 'OSError'>")
    # Then the mail is from and to the connection's addresses, and shows the error
    (mail,) = mail_server.mails
    assert (mail["From"], mail["To"]) == ("mendel@example.com", "team@example.com")
    assert mail["Subject"] == "corrupt_corpus: corrupt failed"
    body = mail.get_body(("html",))
    assert body is not None
    assert "error: &lt;class &#x27;OSError&#x27;&gt;" in body.get_content()


@pytest.mark.parametrize("connection", [None, "none://"])
def test_without_a_receiver_nobody_is_told(
    connection: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if connection is not None:
        monkeypatch.setenv(CONNECTION, connection)
    alerts.alert("a run failed")
    assert "alert_failed" not in caplog.text


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"conn_type": "http", "host": "http://127.0.0.1:1/hook"}, "Connection refused"),
        ({"conn_type": "smtp", "host": "127.0.0.1"}, "its extra has no `to`"),
        ({"conn_type": "ftp", "host": "127.0.0.1"}, "is of type 'ftp': make it http for a webhook, or smtp for e-mail"),
    ],
    ids=["nobody listens", "no address", "unknown type"],
)
def test_a_receiver_that_cannot_be_told_is_logged_and_raises_nothing(
    connection: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(CONNECTION, json.dumps(connection))
    with caplog.at_level(logging.ERROR, alerts.log.name):
        alerts.alert("a run failed")
    assert "event=alert_failed connection=mendel_alerts" in caplog.text
    assert said in caplog.text


def test_a_webhook_that_says_no_is_logged_with_its_status(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.status = 403
    with caplog.at_level(logging.ERROR, alerts.log.name):
        alerts.alert("a run failed")
    assert len(webhook.posts) == 1
    assert "event=alert_failed connection=mendel_alerts error=AirflowException('403:Forbidden')" in caplog.text


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_no_log_has_the_webhooks_address(scheme: str) -> None:
    # Given a webhook that is away, so that the errors of all libraries quote its address
    connection = json.dumps({"conn_type": "http", "host": f"{scheme}127.0.0.1:1{PATH}"})
    # When it was to be told
    done = subprocess.run(
        [sys.executable, "-c", "from mendel_airflow.alerts import alert; alert('a run failed')"],
        env={**os.environ, CONNECTION: connection, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    # Then the error is there without the part that is secret
    said = done.stdout + done.stderr
    assert "with url: /***" in said
    assert PATH not in said
    assert done.returncode == 0
