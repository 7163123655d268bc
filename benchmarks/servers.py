"""A Temporal server and a database of a benchmark's own, gone after it."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from cli.local.places import CLONE, Places
from cli.local.postgres import EmbeddedPostgres
from cli.local.progress import Terminal
from cli.local.temporal import EmbeddedTemporal
from cli.local.temporal_binary import find_temporal
from cli.schema import migrate
from connectors.settings import DatabaseSettings


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Run both inside the block, also when it is told to stop; give Temporal's address and the database's URL."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped before the end"))
    with tempfile.TemporaryDirectory(dir=CLONE / ".throughline") as folder:
        places = Places(Path(folder))
        postgres = EmbeddedPostgres(places, preferred_port=0)
        binary = find_temporal(Places(CLONE / ".throughline"), Terminal())
        temporal = EmbeddedTemporal(places, binary, preferred_port=0, ui=False)
        postgres.start()
        temporal.start()
        try:
            migrate(DatabaseSettings(database_url=SecretStr(postgres.url())).dsn)
            yield temporal.address, postgres.url()
        finally:
            temporal.stop()
            postgres.stop()
