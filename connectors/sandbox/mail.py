"""A mail server that keeps what it is given and delivers nothing, with a page to read it on.

Sources: RFC 5321, 4.2 (replies), 4.5.3.2.6 (a client may lose the answer to a message that was taken).
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import time
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from connectors.sandbox.desk import Desk, Vendor
from connectors.sandbox.faults import Fault
from connectors.sandbox.store import Record, Store, now_iso


class MailSandbox(Vendor):
    name = "mail"
    title = "Mail"
    template = "mail.html"
    shown: ClassVar = {"mails": {"to": "to", "subject": "subject", "at": "at", "message id": "message_id"}}

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    def error(self, status: int) -> Response:
        return JSONResponse({"error": status}, status)


class Catcher:
    """Takes every mail in; faults are scripted on the mail sandbox's page with method MAIL, RCPT or DATA."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._store = desk, desk.vendor.store

    def protocol(self) -> SMTP:
        return _Smtp(
            self,
            hostname="sandbox.invalid",
            ident="Throughline mail sandbox",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )

    async def handle_RCPT(  # noqa: N802  -- aiosmtpd finds its hooks by these names
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if answer := self._fault(server, "RCPT", address, b""):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = bytes(envelope.original_content or b"")
        began = time.monotonic()
        script = self._desk.faults.due("DATA", ",".join(envelope.rcpt_tos))
        kept = script is None or script.fault not in (Fault.ANSWER, Fault.DROP)
        if kept:
            _keep(self._store, envelope, content)
        status = script.status if script and script.fault in (Fault.ANSWER, Fault.ANSWER_AFTER) else 250 if kept else 0
        to = ", ".join(envelope.rcpt_tos)
        self._store.arrived("DATA", to, status, began, "", script.fault if script else "", content)
        if script and script.fault in (Fault.DROP, Fault.DROP_AFTER):
            _hang_up(server)
        if script and script.fault is Fault.SLOW:
            await asyncio.sleep(script.seconds)
        return "250 OK: kept" if status in (0, 250) else f"{status} Sandbox says no"

    def _fault(self, server: SMTP, verb: str, path: str, body: bytes) -> str | None:
        script = self._desk.faults.due(verb, path)
        if script is None:
            return None
        self._store.arrived(verb, path, script.status, time.monotonic(), "", script.fault, body)
        if script.fault in (Fault.DROP, Fault.DROP_AFTER):
            _hang_up(server)
        return f"{script.status} Sandbox says no"


class _Smtp(SMTP):
    """A session that closes without a stack trace when it is cut on purpose."""

    async def handle_exception(self, error: Exception) -> str:
        return f"500 {type(error).__name__}"


def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


def _keep(store: Store, envelope: Envelope, content: bytes) -> None:
    mail: Any = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    record: Record = {
        "at": now_iso(),
        "from": envelope.mail_from,
        "to": ", ".join(envelope.rcpt_tos),
        "subject": str(mail["Subject"] or ""),
        "message_id": str(mail["Message-ID"] or ""),
        "text": text.get_content() if text else "",
        "html": html.get_content() if html else "",
    }
    store.put("mails", str(store.number("mail")), record)
