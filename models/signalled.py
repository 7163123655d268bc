"""An answer that came as a signal: the same rules, but nobody waits for the reply, so the journal has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from models.acts import Decide
from models.deal import DealState, placed
from models.deeds import carry_out
from models.refusals import refusal
from models.turn import title


def answered(state: DealState, given: dict[str, Any], now: datetime) -> list[str]:
    """Take an answer, or note why it is refused; return the steps whose actions are to be started.

    `key` may be left out: the same person's same answer to the same edition is one answer, until they take it back.
    """
    plain = {"channel": "signal", **given}
    plain.setdefault("key", _key(state, plain))
    try:
        act = Decide.model_validate(plain)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        _refused(state, str(plain.get("by") or "signal")[:100], f"{where}: {first['msg']}", None, "unreadable", now)
        return []
    no = refusal(state, act, now)
    if no is not None:
        step = act.step if placed(state, act.step) is not None else None
        _refused(state, act.by, no.message, step, no.code, now)
        return []
    _, begun = carry_out(state, act, now)
    return begun


def _key(state: DealState, plain: dict[str, Any]) -> str:
    key = "|".join(str(plain.get(k, "")) for k in ("by", "step", "round", "edition", "verdict"))
    decisions = state.record(str(plain.get("step", ""))).decisions
    stands = any((d.person, d.round) == (plain.get("by"), plain.get("round")) for d in decisions)
    return key if stands or key not in state.answered else f"{key}|{state.seq}"


def _refused(state: DealState, who: str, why: str, step: str | None, code: str, now: datetime) -> None:
    state.cause = state.seq + 1
    about = f"{title(step)}: " if step else ""
    state.note(now, who, "refused", f"{about}an answer by signal was refused: {why}", step, code=code, channel="signal")
