"""The words that ask people: Approval, Signature, Task, Handoff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from models.asking import Choice, Customer, Hours, Silence
from models.calendar import Span
from models.facts import Answers, Fact
from models.flow import ApprovalDef, HandoffDef, SignatureDef, TaskDef
from models.rules import Rule
from workflows import wording
from workflows.wording import People, Rungs, To, Who


def Approval(  # noqa: N802
    name: str,
    *,
    by: People | Choice[People],
    within: Span | Choice[Span],
    escalate_to: Rungs | Choice[Rungs] = (),
    need: int | Literal["any", "all"] = "all",
    in_turn: bool = False,
    when: Rule | None = None,
    covers: Sequence[Fact[Any]] | None = None,
    form: Answers[Any] | None = None,
    remind_every: Span | None = None,
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE,
    on_reject: To | None = None,
    on_expire: To | None = None,
    advisory: bool = False,
    every_round: bool = False,
    not_same_as: Sequence[str] = (),
    repeat: Literal["ask", "if consecutive"] = "ask",
    hours: Hours = "company",
    fallback: People = (),
    override: Literal["one", "two", "none"] = "one",
    was: str = "",
) -> ApprovalDef:
    """People say yes or no. What they saw is signed; they are asked again only when it got worse.

        Approval("discount", by="deal_desk", within=business_days(2), escalate_to="vp_sales",
                 when=deal.discount > percent(15), on_reject="quote")

    by: a role, person("dana"), managers(1), owner(deal.owner), group("security", need=2), table(...), or a list.
    within: the promised time; when it has passed the request is late, and `on_silence` says what follows.
    escalate_to: who is asked too when it is late, rung by rung: ("vp_sales", ["cfo", "ceo"], EXPIRE).
    need: how many in `by` must say yes: "all" (default), "any" or a number. in_turn: one after the other.
    when: asked only when the rule holds; else the step is skipped, and the rule is shown as the reason.
    covers: the facts that are signed. Default: those of its rules, the guardrails, what is sold, documents made before.
    form: a fact declared as Answers[Model]; what is filled in with the yes becomes facts.
    remind_every: a nudge to who has not answered, this often, while the request is open.
    on_silence: ESCALATE (default), APPROVE, REJECT or EXPIRE. A yes or no by silence is marked as one for ever.
    on_reject: where a no leads: this or an earlier stage by name, lost("reason"), or CONTINUE. Default: the stage's.
    on_expire: the same for EXPIRE. Default: the stage's, else the deal's owner decides.
    advisory: asked, shown and recorded, but nothing waits for it.
    every_round: asked anew whenever the deal was sent back past it, even if nothing it covers got worse.
    not_same_as: names of approvals whose answerers may not answer this one: ["discount"].
    repeat: "if consecutive" takes over the yes of the same person from the step directly before.
    hours: whose working hours `within` counts: "company" (default), "person" (of whoever is asked), or calendar(...).
    fallback: who is asked instead when too few of those in `by` can: on leave without a delegate, gone, not allowed.
    override: how many administrators can decide in place of those asked: "one" (default), "two" together, or "none".
    was: the name it had before, so that running deals keep their record through a rename.
    """
    return ApprovalDef(
        name=name, by=wording.choose(by, wording.people), need=need, in_turn=in_turn, when=wording.rule(when), was=was,
        patience=wording.patience(within, escalate_to, remind_every, on_silence, hours, fallback),
        covers=wording.paths("covers", covers) if covers is not None else None,
        form=form.path if form is not None else None,
        on_reject=wording.route(on_reject), on_expire=wording.route(on_expire), advisory=advisory,
        every_round=every_round, not_same_as=wording.step_ids("not_same_as", not_same_as), repeat=repeat,
        override=wording.override(override), line=wording.caller()[1],
    )  # fmt: skip


def Signature(  # noqa: N802
    document: str,
    *,
    within: Span | Choice[Span],
    remind_every: Span | None = None,
    by: Who = Customer(contact="signatory"),  # noqa: B008 (frozen data)
    in_turn: bool = True,
    on_decline: To | None = None,
    on_expire: To | None = None,
    name: str = "",
    when: Rule | None = None,
    was: str = "",
) -> SignatureDef:
    """The customer signs a document. One that has changed since it was sent is void and asked for anew.

        Signature("sow", within=days(14), remind_every=business_days(3), on_decline="quote")

    document: rendered by a step before this one.
    within: how long it may be signed; then it has expired, and `on_expire` says what follows.
    remind_every: a nudge to who has not signed.
    by: who signs; without it the contact that the fact `signatory` names.
    in_turn: several signers one after the other (default), or all at once.
    on_decline: where a no leads: this or an earlier stage by name, lost("reason"), or CONTINUE. Default: the stage's.
    on_expire: the same for silence. Default: the stage's, else the deal's owner decides.
    name: needed when the same document is signed twice.
    when: asked for only when the rule holds.
    was: the name it had before, so that running deals keep their record through a rename.
    """
    return SignatureDef(
        name=name or document,
        document=document,
        patience=wording.patience(within, (), remind_every, Silence.EXPIRE),
        by=wording.who(by),
        in_turn=in_turn,
        on_decline=wording.route(on_decline),
        on_expire=wording.route(on_expire),
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Task(  # noqa: N802
    name: str,
    *,
    by: People,
    within: Span | Choice[Span],
    form: Answers[Any] | None = None,
    when: Rule | None = None,
    escalate_to: Rungs | Choice[Rungs] = (),
    remind_every: Span | None = None,
    on_silence: Silence | Choice[Silence] = Silence.ESCALATE,
    on_expire: To | None = None,
    advisory: bool = False,
    every_round: bool = False,
    hours: Hours = "company",
    fallback: People = (),
    was: str = "",
) -> TaskDef:
    """Something a person does and says is done; what they fill in becomes facts.

        Task("site survey", by="operations", within=business_days(5), escalate_to="delivery_head", form=deal.survey)

    by: a role, managers(1), owner(deal.owner), or a list of them; the first who answers does it.
    within: the promised time; when it has passed the task is late, and `on_silence` says what follows.
    form: a fact declared as Answers[Model]; each field is a fact of its own, deal.survey.field("rooms").
    when: only when the rule holds.
    escalate_to: who is told too when it is late; a tuple climbs rung by rung, and may end in EXPIRE.
    remind_every: a nudge, this often, while it is open.
    on_silence: ESCALATE (default) or EXPIRE.
    on_expire: where EXPIRE leads: a stage, an ending, or CONTINUE. Default: the stage's, else the owner decides.
    advisory: asked and recorded, but nothing waits for it.
    every_round: to be done anew whenever the deal was sent back past it. A sent-back deal otherwise keeps its answers.
    hours: whose working hours `within` counts: "company" (default), "person" (of whoever is asked), or calendar(...).
    fallback: who is asked instead when nobody in `by` can.
    was: the name it had before, so that running deals keep their record through a rename.
    """
    return TaskDef(
        name=name,
        by=wording.people(by),
        patience=wording.patience(within, escalate_to, remind_every, on_silence, hours, fallback),
        form=form.path if form is not None else None,
        on_expire=wording.route(on_expire),
        advisory=advisory,
        every_round=every_round,
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )


def Handoff(  # noqa: N802
    packet: str,
    *,
    to: People,
    within: Span | Choice[Span],
    escalate_to: Rungs | Choice[Rungs] = (),
    remind_every: Span | None = None,
    accept_when: Rule | None = None,
    on_reject: To | None = None,
    hours: Hours = "company",
    fallback: People = (),
    name: str = "",
    when: Rule | None = None,
    was: str = "",
) -> HandoffDef:
    """Operations accept a complete packet, or send it back. Acceptance starts the onboarding.

        Handoff("managed-services", to="delivery_manager", within=business_days(1), escalate_to="delivery_head")

    packet: what operations must be told, named in PACKETS. What it lacks is asked of those who can supply it first.
    to: who accepts: a role, owner(deal.delivery_lead), or a list.
    within: the promised time; when it has passed it is late, and `escalate_to` is asked too.
    escalate_to: who is asked too when it is late; a tuple climbs rung by rung.
    remind_every: a nudge, this often, while it is open.
    accept_when: accepts a complete packet without a person when the rule holds.
    on_reject: where a no leads: a stage, an ending, or CONTINUE. Default: this stage, where what was missing is mended.
    hours: whose working hours `within` counts: "company" (default), "person" (of whoever is asked), or calendar(...).
    fallback: who is asked instead when nobody in `to` can.
    name: needed when the same packet is handed over twice.
    when: only when the rule holds; a handoff that is skipped starts no onboarding.
    was: the name it had before, so that running deals keep their record through a rename.
    """
    return HandoffDef(
        name=name or packet,
        packet=packet,
        to=wording.people(to),
        patience=wording.patience(within, escalate_to, remind_every, Silence.ESCALATE, hours, fallback),
        accept_when=wording.rule(accept_when),
        on_reject=wording.route(on_reject),
        when=wording.rule(when),
        was=was,
        line=wording.caller()[1],
    )
