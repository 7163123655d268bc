"""The moves a walk can find due, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from models.asking import Ending
from models.deal import DealState
from models.flow import StepId
from models.values import Reading


class Gate(IntEnum):
    """What stands between the deal and its next step; the greatest counts."""

    CLEAR = 0
    NO = 1
    MACHINE = 2
    PEOPLE = 3


@dataclass(frozen=True)
class Open:
    """Ask people."""

    step: StepId
    reading: Reading


@dataclass(frozen=True)
class Start:
    """Let an action run."""

    step: StepId
    op: Literal["do", "again", "amend"]
    reading: Reading


@dataclass(frozen=True)
class Refresh:
    """Show an open request its new content; the clock goes on."""

    step: StepId
    reading: Reading


@dataclass(frozen=True)
class Void:
    """Close a request or a negative outcome."""

    step: StepId
    why: str


@dataclass(frozen=True)
class Close:
    """What was asked for is so."""

    step: StepId
    reading: Reading


@dataclass(frozen=True)
class Skip:
    """Its rule says no."""

    step: StepId


@dataclass(frozen=True)
class Route:
    """Negative outcomes lead somewhere."""

    noes: tuple[StepId, ...]


@dataclass(frozen=True)
class End:
    """The deal is to end; running work drains first."""

    ending: Ending


@dataclass(frozen=True)
class Ended:
    """Nothing is left to do."""


Move = Open | Start | Refresh | Void | Close | Skip | Route | End | Ended
Asked = tuple[StepId, str]
"""A question: the step and its kind."""


@dataclass
class Walk:
    """What one walk found. Moves are in flow order; `gates` says what stood before each step."""

    state: DealState
    moves: list[Move] = field(default_factory=list)
    noes: list[StepId] = field(default_factory=list)
    questions: list[Asked] = field(default_factory=list)
    gates: dict[StepId, Gate] = field(default_factory=dict)
    stage: str = ""
    """The first stage with something unsettled."""
