"""How calls are made: pauses understood, secrets hidden, other hosts never reached, answers bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors
from connectors.contract import Ambiguous, DuplicateSafety, Refused, Unavailable
from connectors.failures import AccessDenied, ConnectorFailure, NotFound, RateLimited
from connectors.http import HttpConnector
from connectors.manifest import Manifest, load_manifest
from connectors.retry_after import LONGEST, pause

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FOLDERS = sorted(path.parent for path in Path(connectors.__path__[0]).glob("*/manifest.toml"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "99999999"}, LONGEST.total_seconds()),
        ({"X-Retry-After": str(int(NOW.timestamp() * 1000) + 4_000)}, 4),
        ({"X-RateLimit-Reset": "17"}, 17),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 9)}, 9),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "3"}, 3),
        ({"Retry-After": "1e400"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_a_pause_is_understood_in_every_dialect(headers: dict[str, str], seconds: float | None) -> None:
    found = pause(headers, NOW)
    assert (None if found is None else found.total_seconds()) == seconds


@given(st.dictionaries(st.sampled_from(["Retry-After", "X-Retry-After", "X-RateLimit-Reset"]), st.text(max_size=40)))
def test_no_header_ever_breaks_it(headers: dict[str, str]) -> None:
    found = pause(headers, NOW)
    assert found is None or timedelta() <= found <= LONGEST


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_manifest_is_complete(folder: Path) -> None:
    manifest = load_manifest(folder)
    assert manifest.name == folder.name
    assert manifest.duplicate_safety
    assert manifest.rate > 0
    assert manifest.concurrency > 0
    assert timedelta() < manifest.deadline <= timedelta(seconds=30)


@pytest.mark.parametrize("failure", [Unavailable, RateLimited, AccessDenied, Refused, NotFound, Ambiguous])
def test_every_failure_says_what_to_do_next(failure: type[ConnectorFailure]) -> None:
    said = str(failure("ERPNext", "cannot create the order: it said no."))
    assert said.startswith("ERPNext: cannot create the order: it said no. ")
    assert said.endswith(f" {failure.next_step}")
    assert len(failure.next_step) > 30


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _connector(base_url: str) -> HttpConnector:
    manifest = Manifest(
        name="any",
        title="Any",
        kind="any",
        duplicate_safety={"thing": DuplicateSafety.SERVER_KEY},
        max_commit_lag=timedelta(),
        deadline=timedelta(seconds=2),
        rate=1,
        concurrency=1,
    )
    return HttpConnector(manifest, base_url, headers={"Authorization": "Bearer very-secret"}, secrets=("very-secret",))


@pytest.fixture
async def raw() -> AsyncIterator[Callable[[bytes], Awaitable[HttpConnector]]]:
    """A server that answers every request with these bytes and closes."""
    servers: list[asyncio.Server] = []
    made: list[HttpConnector] = []

    async def serve(answer: bytes) -> HttpConnector:
        async def each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65_536)
            writer.write(answer)
            await writer.drain()
            writer.close()

        servers.append(server := await asyncio.start_server(each, "127.0.0.1", 0))
        made.append(connector := _connector(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        return connector

    yield serve
    for connector in made:
        await connector.aclose()
    for server in servers:
        server.close()


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_bytes_that_are_no_http_are_ambiguous_for_a_write(
    raw: Callable[[bytes], Awaitable[HttpConnector]],
) -> None:
    connector = await raw(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(Ambiguous, match="never repeat it blindly"):
        await connector.call("POST", "/x", what="create a thing", body={})
    with pytest.raises(Unavailable):
        await connector.call("GET", "/x", what="read a thing")


async def test_an_answer_cut_short_is_ambiguous_for_a_write(raw: Callable[[bytes], Awaitable[HttpConnector]]) -> None:
    connector = await raw(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"id": 1')
    with pytest.raises(Ambiguous):
        await connector.call("POST", "/x", what="create a thing", body={})


async def test_an_endless_answer_ends(raw: Callable[[bytes], Awaitable[HttpConnector]]) -> None:
    connector = await raw(_answer("200 OK", b" " * 17_000_000))
    with pytest.raises(Unavailable, match="longer than"):
        await connector.call("GET", "/x", what="read a thing")


async def test_an_echoed_secret_is_hidden(raw: Callable[[bytes], Awaitable[HttpConnector]]) -> None:
    connector = await raw(
        _answer("400 Bad Request", b'{"message": "bad header Bearer very-secret, token abcdefghijkl"}')
    )
    with pytest.raises(Refused) as refused:
        await connector.call("POST", "/x", what="create a thing", body={})
    assert "very-secret" not in str(refused.value)
    assert "abcdefghijkl" not in str(refused.value)
    assert "bad header" in str(refused.value)


@pytest.mark.parametrize("said", [b"", b"null", b"[]", b'"x"', b"12", b"\xff", b'{"message": {"deep": [1.5]}}'])
async def test_a_refusal_is_a_refusal_whatever_its_body(
    raw: Callable[[bytes], Awaitable[HttpConnector]], said: bytes
) -> None:
    connector = await raw(_answer("422 Unprocessable", said))
    with pytest.raises(Refused, match="answered 422"):
        await connector.call("POST", "/x", what="create a thing", body={})


@pytest.mark.parametrize(
    "base", ["ftp://x", "https://", "https://user:pass@x.example", "file:///etc/passwd", "x.example"]
)
def test_an_address_that_is_none_is_refused_at_once(base: str) -> None:
    with pytest.raises(ValueError, match="a base address is"):
        _connector(base)
