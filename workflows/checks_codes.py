"""What a finding is, and every code one can carry, with why it matters; docs/checks.md shows each of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.flow import FlowDef, Step


class Finding(NamedTuple):
    """One mistake: where it is, what it is, what to do, and why it matters."""

    code: str
    file: str
    line: int
    what: str
    remedy: str
    flow: str = ""
    why: str = ""
    severity: str = ""


class Code(NamedTuple):
    """One kind of mistake. With a fatal one no deal gets the flow; a warning may be meant."""

    title: str
    why: str
    severity: str = "error"
    fatal: bool = False


def _fatal(title: str, why: str) -> Code:
    return Code(title, why, fatal=True)


def _warning(title: str, why: str) -> Code:
    return Code(title, why, "warning")


LOADING = {
    "not_python": Code("A file is not Python", "No flow of the file is on offer, and nothing in it is checked."),
    "not_imported": Code("A file cannot be imported", "No flow of the file is on offer, and nothing in it is checked."),
    "name_taken": Code("A file hides another module", "Whoever imports that name would get the flow file instead."),
    "no_facts": Code("A flow without facts", "Nothing can be read or written by a flow whose facts are not known."),
    "not_bound": Code("A flow cannot be put together", "The flow is not on offer."),
    "version_twice": Code(
        "One version of a flow, written twice", "Two deals of the same version would be worked in two ways."
    ),
    "released_changed": Code(
        "A released version was edited", "Deals in flight would say one version and mean two; each needs its number."
    ),
    "release_damaged": Code(
        "A record of a release is damaged", "What deals in flight run can no longer be told from what the file says."
    ),
}
NAMES = {
    "duplicate_step": _fatal(
        "Two steps or stages of one name", "A deal keeps one record per name, so one of the two would never be done."
    ),
    "rename_clash": _fatal(
        "A former name that is in use", "The record of one step would be taken over by another when a deal is migrated."
    ),
    "unknown_action": _fatal("An action that is not in the catalog", "The deal would stop there for good."),
    "unknown_template": _fatal("A template that does not exist", "The document could never be made."),
    "unknown_packet": _fatal("A packet that does not exist", "Operations would be handed nothing."),
    "unknown_stage": _fatal("A stage that does not exist", "A deal sent back would have nowhere to go."),
    "unknown_step": _fatal("A step that does not exist", "Whoever answers would be compared with nobody."),
    "unknown_fact": _fatal(
        "A fact that does not exist", "Nobody could ever supply it, so the deal would wait for ever."
    ),
    "unknown_subflow": _fatal("A subflow that cannot be found", "The deal would have nothing to start there."),
    "unknown_role": Code("A role that nobody has", "The request would reach nobody and become an incident."),
    "each_is_no_list": _fatal("each= over something that is no list", "The step would be done for no item, unnoticed."),
    "wrong_type": Code("An input of another type", "The action refuses such an input, so every deal would stop there."),
}
ROUTES = {
    "later_stage": _fatal(
        "A route to a later stage", "Deals are only sent back: what is skipped forward would never be settled."
    ),
    "unrouted_rejection": Code("A rejection without a route", "Every no would become a question to the deal's owner."),
    "unrouted_decline": Code("A decline without a route", "Every decline would become a question to the deal's owner."),
    "unrouted_expiry": Code("An expiry without a route", "When the time is over the owner would have to find a way."),
    "rework_changes_nothing": _warning(
        "Rework that cannot change the outcome", "Whoever said no would be asked the very same thing again."
    ),
    "rework_without_bound": _warning(
        "Rework without a sensible bound", "A deal could be sent back and forth for years before anybody is told."
    ),
}
TIME = {
    "no_deadline": Code("A request without a deadline", "It may stay open for ever, and nobody is reminded."),
    "no_time": Code("A span of nothing", "The request would be late the moment it is asked."),
    "nobody_to_escalate_to": Code("Silence with nobody to escalate to", "A late request would stay late, unseen."),
    "idle_hours": _warning(
        "Working hours that count for nothing", "Readers take it for a promise in working time, and it rings at night."
    ),
    "outlives_quote": Code(
        "A deadline longer than the price is valid",
        "The price lapses while people still have time to answer, so what they answer is asked again.",
    ),
    "endless_wait": _fatal("A wait that cannot end", "Every deal that gets there stays there."),
}
PEOPLE = {
    "nobody_asked": _fatal("A request that asks nobody", "Nobody could ever answer it."),
    "need_too_large": Code("A gate that needs more than it asks", "More answers are wanted than there are askable."),
    "need_too_small": _fatal("A gate that needs nobody", "It would stand open, as if everybody had agreed."),
    "too_few_people": Code("A gate too few people can pass", "With the people there are it can never be passed."),
    "unknown_person": Code("A person nobody knows", "The request would reach nobody and become an incident."),
    "escalates_in_circle": Code(
        "An escalation to those who are asked already", "They are late themselves, so nobody new would hear of it."
    ),
    "idle_fallback": Code(
        "A fallback to those who are asked already", "It is for when they cannot answer, so it would find nobody."
    ),
    "too_few_admins": Code("An override of two without two administrators", "Nobody could ever decide in their place."),
    "not_same_as_later": _warning(
        "A second person of a step that comes later",
        "That step has no answer yet, so nobody is kept from answering both.",
    ),
    "asked_twice": _warning("The same thing asked twice", "People stop reading what they are asked for no reason."),
    "advisory_alone": Code(
        "Advice with nothing beside it", "It is passed by as soon as the rest is settled, so nobody could give it."
    ),
}
FACTS = {
    "fact_too_early": _fatal(
        "A fact read before it is written", "The step would be done again whenever its own result comes to be known."
    ),
    "fact_cycle": _fatal("Facts that wait for each other", "Neither step can be done before the other; none ever is."),
    "fact_never_written": Code("A fact that nothing writes", "Every deal stops there to ask a person for it."),
    "fact_maybe_unset": Code(
        "A fact written on one way only", "Deals that go the other way stop, since nobody knows the fact there."
    ),
    "two_writers": _fatal(
        "A fact with two writers", "Each would undo what the other wrote, and nobody could say which counts."
    ),
    "unrendered_signature": _fatal("A signature without its document", "There would be nothing to sign."),
    "unrendered_document": Code("A packet without its document", "The handoff would wait for what is never made."),
}
RULES = {
    "never_true": Code("A rule that can never be true", "What it stands for never happens, whatever the deal is."),
    "contradicts_enclosing": Code(
        "A rule against the rules around it", "Together they can never be true, so the step is never done."
    ),
    "always_true": _warning("A rule that is always true", "It looks like a condition and is none."),
    "idle_part": _warning("A part of a rule that changes nothing", "Readers take it for a condition that matters."),
    "never_chosen": _warning("A flow no deal can get", "The flows tried before it take every deal it would take."),
    "takes_too_early": Code(
        "A flow chosen by what is not known yet", "At intake nothing was worked out, so it takes no deal."
    ),
}
TABLES = {
    "table_gap": Code(
        "A gap in a rule table", "Nobody would be asked there, and the request would become an incident."
    ),
    "table_overlap": Code(
        "A row that the rows before it take", "Whoever it names is never asked, although the table says so."
    ),
    "unreachable_row": Code("A row for no deal that comes here", "Whoever it names is never asked."),
    "rows_compete": _warning(
        "Two rows that are for the same deal",
        "Which one counts hangs on their order alone, and that is easily changed.",
    ),
    "two_tables": Code("Two tables of one name", "A deal that is told who a table names could not tell which of them."),
}
ORDER = {
    "empty_flow": _fatal("A flow without steps", "A deal would be won the moment it arrives."),
    "empty_stage": _warning(
        "A stage or group without steps", "Deals pass it unseen; pages show a stage where nothing is."
    ),
    "unreachable_stage": Code("A stage no deal reaches", "Nothing in it is ever done."),
    "unreachable_step": Code("A step no deal reaches", "It is never done."),
    "parallel_in_parallel": _warning(
        "Parallel directly in Parallel", "It is one Parallel; the inner one looks as if it were waited for by itself."
    ),
}
CODES: Mapping[str, Code] = {**LOADING, **NAMES, **ROUTES, **TIME, **PEOPLE, **FACTS, **RULES, **TABLES, **ORDER}
FATAL = frozenset(code for code, known in CODES.items() if known.fatal)
"""What no deal could be walked with: such a flow is not on offer."""


ROLES = frozenset({
    "account_executive", "sales", "deal_desk", "vp_sales", "ceo", "general_counsel", "finance", "cfo", "delivery_head",
    "legal", "security", "ciso", "delivery_manager", "operations", "sales_ops", "admin", "application_engineer",
    "board", "compliance", "purchasing", "customer_success", "estimator", "internal_audit", "plant_manager", "privacy",
    "risk", "site_manager",
})  # fmt: skip
"""The roles the shipped flows are written for."""


class Menu(NamedTuple):
    """What a flow may use, by name."""

    actions: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()
    packets: frozenset[str] = frozenset()
    roles: frozenset[str] = ROLES
    people: Mapping[str, frozenset[str]] | None = None
    """Role -> who has it; None where only the roles are known."""
    inputs: Mapping[str, Mapping[str, str]] = {}
    """Action -> input -> the type it takes."""
    valid_days: Mapping[str, int] = {}
    """Action -> how many days its result is valid."""


def found(flow: FlowDef, code: str, line: int, what: str, remedy: str) -> Finding:
    """Return a finding in a flow."""
    return described(Finding(code, flow.file, line, what, remedy, f"{flow.name} version {flow.version}"))


def described(finding: Finding) -> Finding:
    """Return a finding with what its code says of it."""
    known = CODES[finding.code]
    return finding._replace(why=finding.why or known.why, severity=finding.severity or known.severity)


def called(step: Step) -> str:
    """Return how a finding names a step."""
    return f"{step.kind.capitalize()} {step.name!r}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at what was probably meant."""
    names = sorted(known)
    joined = next((first for first in names if name.startswith(first) and name.removeprefix(first) in names), None)
    if joined is not None:
        return f'put a comma between "{joined}" and "{name.removeprefix(joined)}"'
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of {', '.join(names)}" if names else "there is none yet"
