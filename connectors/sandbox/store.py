"""What a sandbox vendor remembers: every change is on disk before it is answered, so kill -9 loses nothing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_SCHEMA = """
create table if not exists thing (kind text, id text, position integer, body text, primary key (kind, id));
create table if not exists counter (name text primary key, value integer);
create table if not exists arrival (
    number integer primary key autoincrement, at text, method text, path text, status integer,
    took_ms integer, correlation text, fault text, body text
);
"""


class Store:
    """Records by kind and id, in order of arrival; read from memory, written through to one SQLite file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # With a write-ahead log a commit survives the death of the process; only a power cut could lose the last ones.
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._things: dict[str, dict[str, Record]] = {}
        for kind, id_, body in self._db.execute("select kind, id, body from thing order by position"):
            self._things.setdefault(kind, {})[id_] = json.loads(body)

    def close(self) -> None:
        self._db.close()

    def put(self, kind: str, id_: str, body: Record) -> None:
        position = self.number("position")
        self._db.execute(
            "insert into thing values (?, ?, ?, ?) on conflict (kind, id) do update set body = excluded.body",
            (kind, id_, position, json.dumps(body)),
        )
        self._things.setdefault(kind, {})[id_] = body

    def get(self, kind: str, id_: str) -> Record | None:
        return self._things.get(kind, {}).get(id_)

    def all(self, kind: str) -> list[Record]:
        return list(self._things.get(kind, {}).values())

    def items(self, kind: str) -> list[tuple[str, Record]]:
        return list(self._things.get(kind, {}).items())

    def kinds(self) -> dict[str, list[Record]]:
        return {kind: list(things.values()) for kind, things in self._things.items() if things}

    def drop(self, kind: str, id_: str) -> None:
        self._db.execute("delete from thing where kind = ? and id = ?", (kind, id_))
        self._things.get(kind, {}).pop(id_, None)

    def number(self, name: str, start: int = 1) -> int:
        """Return the next number of a series; none is ever given twice."""
        row = self._db.execute(
            "insert into counter values (?, ?) on conflict (name) do update set value = value + 1 returning value",
            (name, start),
        ).fetchone()
        return int(row[0])

    def arrived(
        self, method: str, path: str, status: int, began: float, correlation: str, fault: str, body: bytes
    ) -> None:
        """Note one request for the page; `began` is time.monotonic() at its first byte."""
        self._db.execute(
            "insert into arrival (at, method, path, status, took_ms, correlation, fault, body)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                datetime.now(UTC).isoformat(timespec="milliseconds"),
                method,
                path,
                status,
                int((time.monotonic() - began) * 1000),
                correlation,
                fault,
                body[:20_000].decode("utf-8", "replace"),
            ),
        )

    def arrivals(self, newest: int = 200) -> Iterator[Record]:
        """Yield what arrived, the newest first."""
        rows = self._db.execute(
            "select number, at, method, path, status, took_ms, correlation, fault, body"
            " from arrival order by number desc limit ?",
            (newest,),
        )
        names = [column[0] for column in rows.description]
        for row in rows:
            yield dict(zip(names, row, strict=True))


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
