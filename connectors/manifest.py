"""What a connector says about itself, in the manifest.toml beside it."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class DuplicateSafety(StrEnum):
    """What keeps a repeated create from making a second thing."""

    SERVER_KEY = "A"  # the server takes our key, or merges a repeat
    NATURAL_KEY = "B"  # a unique field refuses the repeat; the refusal is answered by a look-up
    SEARCH_FIRST = "C"  # search, then create, under a lease
    DRAFT_THEN_CONFIRM = "D"  # a draft carries the key; only confirming it counts
    AT_MOST_ONCE = "E"  # cannot be looked up: once, and a person decides when the answer was lost


class Manifest(BaseModel):
    """Say what a connector is and what may be expected of it; read from its manifest.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    title: str
    kind: str
    duplicate_safety: dict[str, DuplicateSafety]
    max_commit_lag: timedelta = Field(description="longest time between a lost answer and the change becoming visible")
    deadline: timedelta = Field(description="longest time one call may take")
    rate: float = Field(description="calls a second, over all workers")
    concurrency: int
    rights: tuple[str, ...] = ()


def load_manifest(folder: Path) -> Manifest:
    """Return the manifest beside a connector; times are seconds in the file."""
    return Manifest.model_validate(tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8")))
