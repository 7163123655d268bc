"""Controls of the campaigns: whether a rule that is switched off shows itself."""

from __future__ import annotations

import os

FIRST = int(os.environ["SIMULATION_SEED"])
"""Where the seeds of this session begin: a fresh one each time, printed in its header."""


def caught(campaign, *words, count=150):
    """Whether one of `words` is why one of `count` flights broke."""
    whys = (why for seed in range(count) for why in _broken(campaign, seed))
    return any(word in why for why in whys for word in words)


def _broken(campaign, seed):
    """Why one flight broke; a control that no longer fits the code it switches off says so itself."""
    whys = [why for _, why in campaign([seed]).broken]
    assert not any("positional argument" in why for why in whys), whys
    return whys
