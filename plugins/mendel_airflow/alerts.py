"""Alerts to people: through Airflow's notifier for the kind of receiver that the connection `mendel_alerts` describes."""

from __future__ import annotations

import html
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier, Connection

log = logging.getLogger(__name__)

RECEIVER = "mendel_alerts"
"""Id of the connection: a variable `AIRFLOW_CONN_MENDEL_ALERTS`, an entry of Airflow's UI, or of its secrets backend."""

SECONDS = 10
"""How long a webhook may take to answer."""


def alert(subject: str, **details: object) -> None:
    """Tell the receiver, one line for each detail; without a receiver nobody is told.

    Never raises: the run that an alert is about is judged by itself. What went wrong is in the log.
    """
    try:
        receiver = BaseHook.get_connection(RECEIVER)
    except AirflowNotFoundException:
        return
    except Exception as error:
        log.error("event=alert_failed connection=%s error=%r", RECEIVER, error)
        return
    text = "\n".join([subject, *(f"{name}: {value}" for name, value in details.items())])
    address = _address(receiver)
    try:
        # Called as callbacks are, a notifier would render the text as a template, and the text quotes errors.
        if chosen := notifier(receiver, subject, text):
            chosen.notify({})
    except Exception as error:
        words = repr(error).replace(address, "***") if address else repr(error)
        log.error("event=alert_failed connection=%s error=%s", RECEIVER, words)


def notifier(receiver: Connection, subject: str, text: str) -> BaseNotifier | None:
    """What sends a text to this receiver; None where it is nobody. Raises ValueError where the connection is not complete."""
    match receiver.conn_type:
        case "none":
            return None
        case "http":
            from airflow.providers.http.notifications import HttpNotifier

            post = HttpNotifier(http_conn_id=RECEIVER, json={"text": text}, extra_options={"timeout": SECONDS})
            hook: Any = post.hook
            hook._log = logging.Logger(__name__, logging.CRITICAL)  # its warnings quote the address, as the error does
            return post
        case "smtp":
            from airflow.providers.smtp.notifications.smtp import SmtpNotifier

            to = receiver.extra_dejson.get("to")
            if not to:
                raise ValueError(f"{RECEIVER}: its extra has no `to`, the address to write to")
            page = f"<pre>{html.escape(text)}</pre>"
            return SmtpNotifier(smtp_conn_id=RECEIVER, to=to, subject=subject, html_content=page)
        case other:
            raise ValueError(f"{RECEIVER} is of type {other!r}: make it http for a webhook, or smtp for e-mail")


def _address(receiver: Connection) -> str:
    """The part of a webhook's address that is its secret: who knows it may post, and errors of the network quote it.

    Airflow's mask does not do: the executor's own log has what tasks say unmasked.
    """
    host = receiver.host or ""
    return host.partition("://")[2].partition("/")[2] if "://" in host else host.partition("/")[2]
