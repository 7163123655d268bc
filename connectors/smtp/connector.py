"""Mail as our messenger: one attempt, with a Message-ID made from the key, so that receivers can drop a repeat."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import parseaddr
from pathlib import Path
from typing import NoReturn

import aiosmtplib

from connectors.contract import AccessDenied, Ambiguous, ConnectorFailure, ExternalRef, Message, Refused, Unavailable
from connectors.manifest import load_manifest

_log = logging.getLogger("connectors.smtp")
# Atoms joined by dots (RFC 5322, dot-atom): quoted names and comments have only ever been used to smuggle.
_ADDRESS = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE
)


class Smtp:
    """A Messenger. A reference's id is the Message-ID."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        user: str | None = None,
        password: str | None = None,
        start_tls: bool | None = None,
    ) -> None:
        self.manifest = load_manifest(Path(__file__).parent)
        name, address = parseaddr(sender)
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"SMTP_FROM is no mail address: {sender!r}; write it as name@example.com")
        self._sender = Address(display_name=name, addr_spec=address)
        self._host, self._port, self._user, self._password = host, port, user, password
        self._start_tls = start_tls

    async def ping(self) -> None:
        await self._noop()

    async def aclose(self) -> None:
        """Nothing stays open between messages."""

    async def find(self, key: str, to: str) -> ExternalRef | None:
        raise Ambiguous("Mail", f"a sent mail cannot be looked up; ask {to} whether {self.message_id(key)} arrived")

    async def send(self, key: str, message: Message) -> ExternalRef:
        mail = self._mail(key, message)
        started = time.monotonic()
        try:
            await self._submit(mail, message.to)
        except ConnectorFailure as failure:
            _log.info("send %s in %d ms", type(failure).__name__, (time.monotonic() - started) * 1000)
            raise
        _log.info("send accepted in %d ms", (time.monotonic() - started) * 1000)
        return ExternalRef(id=str(mail["Message-ID"]))

    async def rewrite(self, ref: ExternalRef, message: Message) -> None:
        raise Refused("Mail", f"{ref.id} to {message.to} is sent and cannot be changed; send another one")

    def message_id(self, key: str) -> str:
        """Return the Message-ID that belongs to a key."""
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{self._sender.domain}>"

    def _mail(self, key: str, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=WIRE)
        if not _ADDRESS.fullmatch(message.to):
            raise Refused("Mail", f"cannot address a mail to {message.to!r}: write it as name@example.com, in ASCII")
        mail["From"] = self._sender
        mail["To"] = Address(addr_spec=message.to)
        mail["Subject"] = " ".join(message.subject.split())
        mail["Message-ID"] = self.message_id(key)
        mail["Date"] = datetime.now(UTC)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: keeps holiday notices from answering
        link = f"\n\n{message.link.label}: {message.link.url}" if message.link else ""
        mail.set_content(f"{message.text}{link}\n")
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        return mail

    async def _submit(self, mail: EmailMessage, to: str) -> None:
        client = self._client()
        await self._open(client)
        try:
            await self._envelope(client, to)
            try:
                await client.data(mail.as_bytes())
            except aiosmtplib.SMTPDataError as said:
                self._refuse(said, "send the mail")
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as lost:
                # The server may have taken the mail before its answer was lost (RFC 5321, 4.5.3.2.6).
                raise Ambiguous(
                    "Mail", f"no answer after the message was handed over ({type(lost).__name__})"
                ) from None
        finally:
            client.close()

    async def _envelope(self, client: aiosmtplib.SMTP, to: str) -> None:
        try:
            await client.mail(self._sender.addr_spec)
            await client.rcpt(to)
        except aiosmtplib.SMTPResponseException as said:
            self._refuse(said, f"send a mail to {to}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as lost:
            raise Unavailable("Mail", f"the connection broke before the message ({type(lost).__name__})") from None

    async def _open(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect()
            if self._user is not None:
                await client.login(self._user, self._password or "")
        except aiosmtplib.SMTPAuthenticationError as said:
            raise AccessDenied("Mail", f"{self._host} does not accept the user and password ({said.code})") from None
        except aiosmtplib.SMTPResponseException as said:
            client.close()
            self._refuse(said, f"open a session with {self._host}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as lost:
            client.close()
            raise Unavailable("Mail", f"{self._host}:{self._port} is not reached ({type(lost).__name__})") from None

    async def _noop(self) -> None:
        client = self._client()
        await self._open(client)
        try:
            await client.noop()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as lost:
            raise Unavailable("Mail", f"{self._host} does not answer ({type(lost).__name__})") from None
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            timeout=self.manifest.deadline.total_seconds(),
            start_tls=self._start_tls,
        )

    @staticmethod
    def _refuse(said: aiosmtplib.SMTPResponseException, what: str) -> NoReturn:
        """Raise what a reply code means: 4yz may work later, 5yz will not (RFC 5321, 4.2.1)."""
        text = f"cannot {what}: answered {said.code} {said.message}"
        raise (Unavailable if said.code < 500 else Refused)("Mail", text)
