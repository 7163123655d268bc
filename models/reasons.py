"""Why a step is where it is, in words: its rules with the deal's values, what it lacks, what a question asks."""

from __future__ import annotations

from collections.abc import Sequence

from models.deal import DealState, placed
from models.flow import CallDef, HandoffDef, StepId, SubflowDef
from models.reading import missing_inputs, missing_packet, reading
from models.rules import Facts, Rates, holds, printed
from models.walk import undecided


def because(state: DealState, step_id: StepId) -> str:
    """Return the rules that decided about a step, printed with the deal's values.

    A step that is asked for shows its own rule; the stage's is shown where it has none, or where it is skipped.
    """
    here = placed(state, step_id)
    rules = here.rules if here else ()
    refusing = [rule for rule in rules if holds(rule, state.facts, state.rates) is False]
    own = (here.step.when,) if here is not None and here.step.when is not None else rules
    return " and ".join(printed(rule, state.facts, state.rates) for rule in refusing or own)


def lacking(state: DealState, step_id: StepId) -> list[str]:
    """Return the facts without which a step cannot be decided or started."""
    here = placed(state, step_id)
    if here is None:
        return []
    found = undecided(here.step, here.rules, state)
    if isinstance(here.step, CallDef | SubflowDef):
        found = found or missing_inputs(here.step, step_id, state)
        if here.step.each is not None and here.step.each not in state.facts:
            found = [*found, here.step.each]
    return found


def missing_words(paths: Sequence[str], facts: Facts, rates: Rates) -> str:
    """Return what is missing: facts nobody has given, and the exchange rate of a sum that has to be compared."""
    unknown = [path.replace("_", " ") for path in paths if path not in facts]
    unrated = [f"{path.replace('_', ' ')} {facts[path]}" for path in paths if path in facts]
    found = ["not known yet: " + ", ".join(unknown)] if unknown else []
    if unrated:
        found.append(f"no exchange rate is known for {', '.join(unrated)}; give it in {', '.join(rates)}")
    return "; ".join(found)


def question_words(state: DealState, step_id: StepId, kind: str) -> str:
    """Return what a question says."""
    here = placed(state, step_id)
    if kind == "exhausted" and state.revise is not None:
        count = state.sent_back.get(state.revise.exhausted, 0)
        return f"stage {state.revise.exhausted} has sent the deal back {count} times, more than it may"
    if here is None:
        return kind
    match kind:
        case "missing":
            return missing_words(lacking(state, step_id), state.facts, state.rates)
        case "packet" if isinstance(here.step, HandoffDef):
            return "the handoff packet lacks " + ", ".join(missing_packet(here.step, state))
        case "differs":
            now = reading(here.step, step_id, state)
            old = state.record(step_id).read
            names = [n for n in {**old, **now} if old.get(n) != now.get(n)]
            return "it was done with " + ", ".join(
                f"{n} {old.get(n, 'unset')}, now {now.get(n, 'unset')}" for n in names
            )
        case "surplus":
            return "it was done and is no longer called for: " + because(state, step_id)
        case "decide":
            return f"{state.record(step_id).outcome}, and the flow does not say what follows"
        case "ending":
            return "the flow would end the deal here, after something was signed or done outside"
        case _:
            return kind
