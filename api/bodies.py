"""What a request carries for its page: the `body` of a row of `request`, read leniently, shown completely."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Tone = Literal["", "ok", "due", "late", "now"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FactLine(_Part):
    """A figure of the deal: value as printed, what policy says of it."""

    label: str
    value: str
    note: str = ""
    tone: Tone = ""


class Term(_Part):
    """One comparison of the rule with the deal's value."""

    text: str
    holds: bool | None = True


class PrintedRule(_Part):
    """The rule that chose the people, as evaluated. `text` alone is enough."""

    text: str = ""
    joined_by: Literal["and", "or"] = "and"
    terms: list[Term] = Field(default_factory=list)


class Follows(_Part):
    """What happens on each answer, and on none."""

    yes: str = ""
    no: str = ""
    silence: str = ""


class Answered(_Part):
    """One party of the request, or of a neighbouring one: who, what they said."""

    person: str
    what: str = ""
    state: str = "waiting"
    tone: Tone = ""
    at: AwareDatetime | None = None
    """When, for an answer of this round."""


class AskedPerson(_Part):
    """Somebody who may answer, for which party, and how they came to be asked."""

    person: str
    party: str = ""
    words: str = ""
    role: str = ""
    stands_in: str = ""
    moved_by: str = ""
    of: str = ""
    added_by: str = ""
    place: str = ""
    reason: str = ""
    barred: str = ""


class Limit(_Part):
    """A fact on the scale of one limit; `at`, `edge` and `before` are percent of the scale."""

    label: str
    value: str
    was: str = ""
    bound: str = ""
    outside: bool = False
    above: bool = True
    by: str = ""
    free: str = ""
    at: float
    edge: float
    before: float | None = None


class Rung(_Part):
    """When somebody else is asked too."""

    at: AwareDatetime
    who: str


class ClockTimes(_Part):
    """The instants of an open request."""

    since: AwareDatetime
    due: AwareDatetime
    reminders: list[AwareDatetime] = Field(default_factory=list)
    rungs: list[Rung] = Field(default_factory=list)


class ProposedOverride(_Part):
    """An override that waits for a second administrator."""

    by: str
    verdict: str
    reason: str


class Change(_Part):
    """One fact that moved."""

    label: str
    was: str = ""
    now: str = ""
    note: str = ""
    tone: Tone = ""


class Difference(_Part):
    """What moved since the reader's last answer."""

    since: str = ""
    changes: list[Change] = Field(default_factory=list)
    person: str = ""
    at: AwareDatetime | None = None
    verdict: str = ""
    reason: str = ""
    same: list[str] = Field(default_factory=list)
    documents: dict[str, str] = Field(default_factory=dict)
    """The documents signed then, by name: the hash of each."""


class Document(_Part):
    """A document the answer covers."""

    name: str
    version: int = 0
    sha256: str = ""
    id: str = ""


class Entry(_Part):
    """One line of a handoff packet; empty ones are missing."""

    label: str
    value: str = ""
    complete: bool = True
    step_hint: str = ""


class Packet(_Part):
    """What operations need to know before they accept."""

    title: str = ""
    entries: list[Entry] = Field(default_factory=list)
    missing: list[Entry] = Field(default_factory=list)
    percent: int = 100


class Choice(_Part):
    """One way to settle a question."""

    choice: str
    label: str
    needs_reason: bool = False


class FactField(_Part):
    """A fact a person may fill in; `type` is the tag of models/values.py."""

    path: str
    type: str = "text"
    label: str = ""
    options: list[str] = Field(default_factory=list)
    value: str = ""


class Body(_Part):
    """Everything a request's page may show. A part that is not there is not shown."""

    question: str = ""
    lead: str = ""
    asked_by: str = ""
    facts: list[FactLine] = Field(default_factory=list)
    rule: PrintedRule = PrintedRule()
    why: str = ""
    follows: Follows = Follows()
    answers: list[Answered] = Field(default_factory=list)
    difference: Difference | None = None
    before: dict[str, Difference] = Field(default_factory=dict)
    """What moved since each person's own last answer."""
    asked: list[AskedPerson] = Field(default_factory=list)
    limits: list[Limit] = Field(default_factory=list)
    clock: ClockTimes | None = None
    override: Literal["one", "two", "none"] = "one"
    proposed: ProposedOverride | None = None
    nudged_at: AwareDatetime | None = None
    nobody: bool = False
    documents: list[Document] = Field(default_factory=list)
    stages: list[str] = Field(default_factory=list)
    form: dict[str, Any] = Field(default_factory=dict)
    form_values: dict[str, Any] = Field(default_factory=dict)
    packet: Packet | None = None
    choices: list[Choice] = Field(default_factory=list)
    error: str = ""
    inputs_needed: list[FactField] = Field(default_factory=list)
    outputs_needed: list[FactField] = Field(default_factory=list)
    missing: list[FactField] = Field(default_factory=list)
    question_kind: str = ""
    question_asked: str = ""
    question_by: str = ""


def read_body(raw: dict[str, Any]) -> Body:
    """Return the parts of a row's body; a part of the wrong shape is left out rather than failing the page."""
    if isinstance(raw.get("rule"), str):
        raw = {**raw, "rule": {"text": raw["rule"]}}
    try:
        return Body.model_validate(raw)
    except ValueError:
        kept: dict[str, Any] = {}
        for name in raw.keys() & Body.model_fields.keys():
            try:
                Body.model_validate({name: raw[name]})
            except ValueError:
                continue
            kept[name] = raw[name]
        return Body.model_validate(kept)
