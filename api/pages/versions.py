"""The versions of one flow: what is on offer, what was released, and every definition a deal was ever given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from api.flow_figures import Using
from api.pages.drawings import definition
from models.flow import FlowDef
from models.tables.flows import FlowVersion
from workflows.library import Library


class Version(NamedTuple):
    """One definition. `flow` is None where this version of Throughline cannot read it."""

    digest: str
    number: int
    flow: FlowDef | None
    on_offer: bool
    released: bool
    first_seen: datetime | None
    running: int
    all: int

    @property
    def name(self) -> str:
        return f"version {self.number}"


def versions_of(
    name: str, stored: Sequence[FlowVersion], library: Library, using: Mapping[str, Using]
) -> list[Version]:
    """Return the definitions of a flow: the one on offer first, then the newest version first."""
    offered = {flow.travelling().digest for flow in library.flows if flow.name == name}
    found: dict[str, Version] = {}
    written = [flow for flow in library.every if flow.name == name]
    released = {flow.travelling().digest: flow for (each, _), flow in library.released.items() if each == name}
    for flow in (*written, *released.values()):
        digest = flow.travelling().digest
        count = using.get(digest, Using(0, 0))
        found[digest] = Version(
            digest, flow.version, flow, digest in offered, digest in released, None, count.running, count.all
        )
    for row in stored:
        count = using.get(row.digest, Using(0, 0))
        known = found.get(row.digest)
        if known is not None:
            found[row.digest] = known._replace(first_seen=row.first_seen_at)
        else:
            found[row.digest] = Version(
                row.digest, row.version, definition(row), on_offer=False, released=False, first_seen=row.first_seen_at,
                running=count.running, all=count.all,
            )  # fmt: skip
    return sorted(found.values(), key=lambda v: (not v.on_offer, -v.number, v.first_seen is None))


def chosen(versions: Sequence[Version], old: str, new: str) -> tuple[Version, Version] | None:
    """Return the two definitions to compare, by the beginning of their digests; else the two newest."""
    readable = [version for version in versions if version.flow is not None]
    if len(readable) < 2:
        return None
    after = next((v for v in readable if new and v.digest.startswith(new)), readable[0])
    before = next((v for v in readable if old and v.digest.startswith(old)), None)
    if before is None:
        before = next((v for v in readable if v.digest != after.digest), readable[0])
    return before, after
