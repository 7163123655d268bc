"""The acts a person or another system may do on a deal; each is one Update on its workflow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.values import Value

Reason = Annotated[str, Field(max_length=4000)]
PersonId = Annotated[str, Field(max_length=100)]


class _Act(BaseModel):
    """`key` is the client's one-time key: the same key twice is one act. `by` is a person's id."""

    model_config = ConfigDict(frozen=True)
    key: str = Field(min_length=1, max_length=200)
    by: str = Field(min_length=1, max_length=100)
    channel: str = "api"


class _StepAct(_Act):
    step: str = Field(min_length=1, max_length=300)


class Decide(_StepAct):
    """Answer an approval or a handoff."""

    do: Literal["decide"] = "decide"
    round: int
    edition: int
    verdict: Literal["approve", "reject", "ask_changes", "accept", "accept_with_conditions"]
    reason: Reason = ""
    to_stage: str = ""
    conditions: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = ()
    form: dict[str, Any] = {}


class Complete(_StepAct):
    """Complete a task."""

    do: Literal["complete"] = "complete"
    round: int
    form: dict[str, Any] = {}


class Sign(_StepAct):
    """The customer signs exactly this document."""

    do: Literal["sign"] = "sign"
    round: int
    document: str
    signer: str
    evidence: dict[str, str] = {}


class Decline(_StepAct):
    """The customer declines to sign."""

    do: Literal["decline"] = "decline"
    round: int
    reason: Reason = ""


class AskInformation(_StepAct):
    """Ask the owner something; the clock stands still."""

    do: Literal["ask_information"] = "ask_information"
    round: int
    question: Reason


class GiveInformation(_StepAct):
    """Answer what was asked; the clock runs again."""

    do: Literal["give_information"] = "give_information"
    round: int
    answer: Reason


class Attachment(BaseModel):
    """A file kept under its hash; it was uploaded before the act that names it."""

    model_config = ConfigDict(frozen=True)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    name: str = Field(min_length=1, max_length=200)
    media: str = Field(max_length=100)
    size: int = Field(ge=0)


class Comment(_StepAct):
    """Say something about a request, with files; it decides nothing."""

    do: Literal["comment"] = "comment"
    round: int
    text: Reason
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=10)


class Reassign(_StepAct):
    """Let somebody else be asked in one person's place; forwarding is doing so with one's own."""

    do: Literal["reassign"] = "reassign"
    round: int
    of: PersonId = ""
    """Whose place it is; empty: one's own, or, where nobody can be found, the missing one's."""
    to: PersonId = Field(min_length=1)
    reason: Reason


class AddApprover(_StepAct):
    """Ask one more person: before the others, or after they have said yes. The quorum of the others stays."""

    do: Literal["add_approver"] = "add_approver"
    round: int
    person: PersonId = Field(min_length=1)
    place: Literal["before", "after"]
    reason: Reason


class Nudge(_StepAct):
    """Remind those who have not answered."""

    do: Literal["nudge"] = "nudge"
    round: int
    note: Reason = ""


class Override(_StepAct):
    """Decide in place of those asked. It stays marked for ever; a flow may want two people for it."""

    do: Literal["override"] = "override"
    round: int
    edition: int
    verdict: Literal["approve", "reject"]
    reason: Reason


class Undo(_StepAct):
    """Take one's own answer back, shortly after it and before anything followed that cannot be taken back."""

    do: Literal["undo"] = "undo"
    round: int


class PeopleChanged(_Act):
    """People, roles, the organisation or an absence changed: find out anew who is asked."""

    do: Literal["people_changed"] = "people_changed"
    reason: Reason = ""


class Recall(_StepAct):
    """The asker takes a request back: a send-back to the asking stage that is not counted."""

    do: Literal["recall"] = "recall"
    round: int
    reason: Reason = ""


class Resubmit(_Act):
    """The owner has revised the deal after a send-back."""

    do: Literal["resubmit"] = "resubmit"


class EndDeal(_Act):
    """End the deal as lost."""

    do: Literal["end"] = "end"
    reason: Reason


class HoldDeal(_Act):
    """Let the deal stand still."""

    do: Literal["hold"] = "hold"
    reason: Reason
    until: AwareDatetime | None = None


class Release(_Act):
    """Let it go on."""

    do: Literal["release"] = "release"


class Cancel(_Act):
    """Cancel the deal."""

    do: Literal["cancel"] = "cancel"
    reason: Reason


class Revise(_Act):
    """Facts changed outside: one source, one moment, many facts, atomically (semantics 26)."""

    do: Literal["revise"] = "revise"
    source: Literal["crm", "erp", "person"]
    at: AwareDatetime
    facts: dict[str, Value] = {}
    unset: tuple[str, ...] = ()


class Retry(_StepAct):
    """Try a failed action again: same revision, same key."""

    do: Literal["retry"] = "retry"


class ChangeInput(_StepAct):
    """Try a failed action with other inputs, until a fact it reads changes."""

    do: Literal["change_input"] = "change_input"
    inputs: dict[str, Value]


class Skip(_StepAct):
    """Pass a failed step, with a reason and the facts it would have written."""

    do: Literal["skip"] = "skip"
    reason: Reason
    outputs: dict[str, Value] = {}


class CompleteByHand(_StepAct):
    """Somebody did a failed step's work outside; the evidence says so."""

    do: Literal["complete_by_hand"] = "complete_by_hand"
    evidence: Reason
    reference: str = ""
    outputs: dict[str, Value] = {}


class Answer(_StepAct):
    """Decide a question the deal has put to a person."""

    do: Literal["answer"] = "answer"
    question: str
    choice: Literal["keep", "undo", "redo", "by_hand", "again", "continue", "send_back", "end", "once_more", "waive"]
    reason: Reason = ""
    to_stage: str = ""


Act = Annotated[
    Decide
    | Complete
    | Sign
    | Decline
    | AskInformation
    | GiveInformation
    | Comment
    | Reassign
    | AddApprover
    | Nudge
    | Override
    | Undo
    | PeopleChanged
    | Recall
    | Resubmit
    | EndDeal
    | HoldDeal
    | Release
    | Cancel
    | Revise
    | Retry
    | ChangeInput
    | Skip
    | CompleteByHand
    | Answer,
    Field(discriminator="do"),
]

CHOICES: dict[str, tuple[str, ...]] = {
    "missing": (),
    "packet": ("waive",),
    "differs": ("keep", "redo", "by_hand"),
    "surplus": ("keep", "undo"),
    "decide": ("again", "continue", "send_back", "end"),
    "exhausted": ("once_more", "end"),
    "ending": ("end", "continue"),
    "held": (),
}
"""Per kind of question, what may be chosen."""
