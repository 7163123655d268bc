"""What changed between two definitions is said in words: every change, the right one, and nothing else."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from activities.catalog import CATALOG, create_project, create_sales_order, price_quote
from activities.documents import load_templates
from activities.template_specs import template_specs
from models.asking import Ending, Row
from models.flow import FlowDef
from models.pinned import PacketField, PacketSpec, TemplateSpec
from models.rules import Direction
from tests.models.random_flows import FlowMaker
from workflows.binding import bind
from workflows.difference import difference
from workflows.flows.facts import deal
from workflows.language import (
    EXPIRE,
    Approval,
    Call,
    Flow,
    Handoff,
    Parallel,
    Render,
    Signature,
    Stage,
    Task,
    Wait,
    When,
    business_days,
    calendar,
    cancelled,
    days,
    group,
    lost,
    percent,
    person,
    pick,
    row,
    table,
    usd,
)
from workflows.library import load

TEMPLATES = {"sow/managed_services": TemplateSpec(title="SOW", variables=("amount", "account"))}
PACKETS = {"managed-services": PacketSpec(title="Packet", fields=(PacketField(label="goals", fact="goals"),))}


def bound(*stages: Any, **more: Any) -> FlowDef:
    written = Flow("services", *stages, **{"version": 1, **more})
    actions = {action.name: action.spec() for action in CATALOG}
    return bind(written, deal, actions=actions, templates=TEMPLATES, packets=PACKETS)


def finance(**more: Any) -> Any:
    known: dict[str, Any] = {"by": "finance", "within": business_days(2), "escalate_to": "cfo"}
    return Approval("finance", **{**known, **more})


def legal(**more: Any) -> Any:
    return Approval("legal", **{"by": "legal", "within": business_days(3), "escalate_to": "ceo", **more})


def large(*more: Row, top: int = 100_000, who: str = "cfo", since: date | None = None, match: Any = "first") -> Any:
    return table(
        "large", row(who, when=deal.amount > usd(top), since=since), *more, row("finance"), match=match
    )  # fmt: skip


def sow() -> Any:
    return Render("sow", template="sow/managed_services")


def signed(**more: Any) -> Any:
    return Signature("sow", **{"within": days(14), "on_expire": lost("silence"), **more})


def one(step: Any) -> FlowDef:
    return bound(Stage("review", Call(price_quote), step, on_reject="review"))


def said(old: FlowDef, new: FlowDef) -> list[str]:
    return [change.words for change in difference(old, new)]


LOW, LATE, EU = deal.margin < percent(28), deal.payment_days > 45, deal.data_class.is_("restricted")

STEPS: list[tuple[Any, Any, list[str]]] = [
    (finance(when=deal.discount > percent(25)), finance(when=deal.discount > percent(20)),
     ["finance is now asked when discount > 20 % instead of > 25 %"]),
    (finance(when=LOW | LATE), finance(when=(deal.margin < percent(30)) | LATE),
     ["finance is now asked when margin < 30 % instead of < 28 %; the whole rule: margin < 30 % or payment days > 45"]),
    (finance(when=LOW, covers=[deal.margin]), finance(when=LOW | EU, covers=[deal.margin]),
     [("finance is now asked also when data class is restricted; "
       "the whole rule: margin < 28 % or data class is restricted")]),
    (finance(when=LOW | EU, covers=[deal.margin]), finance(when=LOW, covers=[deal.margin]),
     ["finance is no longer asked because of data class is restricted, only when margin < 28 %"]),
    (finance(when=LOW, covers=[deal.margin]), finance(when=LOW & EU, covers=[deal.margin]),
     [("finance is now asked only when also data class is restricted; "
       "the whole rule: margin < 28 % and data class is restricted")]),
    (finance(when=LOW), finance(), ["finance is now always asked, no longer only when margin < 28 %"]),
    (finance(), finance(when=LOW), ["finance is now asked only when margin < 28 % instead of always"]),
    (legal(), legal(by="general_counsel"), ["legal is now asked of general counsel instead of legal"]),
    (legal(by=group("legal", need=2)), legal(by=group("legal", need=3)),
     ["legal is now asked of 3 of legal instead of 2 of legal"]),
    (finance(within=business_days(2)), finance(within=business_days(3)),
     ["finance now has 3 business days instead of 2"]),
    (finance(within=days(2)), finance(within=business_days(2)), ["finance now has 2 business days instead of 2 days"]),
    (finance(covers=[]),
     finance(within=pick(business_days(1), when=deal.amount > usd(100_000), otherwise=business_days(2)), covers=[]),
     ["finance now has 1 business day when amount > $100,000, else 2 business days instead of 2 business days"]),
    (finance(), finance(escalate_to=("cfo", "ceo")), ["finance is now escalated to cfo, then ceo instead of cfo"]),
    (finance(), finance(escalate_to=(), on_silence=EXPIRE),
     ["finance is no longer escalated to cfo",
      "silence on finance now lets it expire instead of asking whoever is next"]),
    (finance(), finance(remind_every=business_days(1)),
     ["finance is now reminded every 1 business day instead of never"]),
    (finance(), finance(on_reject=lost("margin")),
     ["a no to finance now ends the deal (lost: margin) instead of going on as its stage says"]),
    (finance(covers=[deal.discount]), finance(covers=[deal.margin]),
     ["finance now also signs margin", "finance no longer signs discount"]),
    (finance(), finance(need="any"), ["finance now needs any instead of all"]),
    (finance(by=large()), finance(by=large(top=200_000)),
     ["table large of finance: it now names cfo when amount > $200,000 instead of when amount > $100,000"]),
    (finance(by=large()), finance(by=large(who="ceo")),
     ["table large of finance: when amount > $100,000 it now names ceo instead of cfo"]),
    (finance(by=large()), finance(by=large(since=date(2027, 1, 1))),
     ["table large of finance: when amount > $100,000 it names cfo now from 1 Jan 2027 on instead of always"]),
    (finance(by=large()), finance(by=large(row("board", when=deal.discount > percent(40)))),
     ["table large of finance has a new row: board when discount > 40 %"]),
    (finance(by=large(row("board", when=deal.discount > percent(40), until=date(2026, 12, 31)))), finance(by=large()),
     ["table large of finance no longer has the row: board when discount > 40 %, until 31 Dec 2026"]),
    (finance(by=large(match="all")), finance(by=large()),
     ["table large of finance is now about the first row that holds instead of every row that holds"]),
    (finance(by="cfo"), finance(by=large()),
     [("finance is now asked of table large (the first that holds: cfo when amount > $100,000; finance otherwise) "
       "instead of cfo")]),
    (finance(by=person("noor")), finance(by=person("fay")), ["finance is now asked of fay instead of noor"]),
    (finance(), finance(hours="person"),
     ["the time of finance now runs in the hours of whoever is asked instead of in the company's working hours"]),
    (finance(hours=calendar("Asia/Tokyo")), finance(hours=calendar("Asia/Tokyo", {"mon": "9-12"})),
     ["the time of finance now runs in Asia/Tokyo, Mon 9:00-12:00 instead of in Asia/Tokyo, Mon to Fri 9:00-17:00"]),
    (finance(), finance(fallback="sales_ops"), ["when nobody can answer finance, sales ops is now asked instead"]),
    (finance(fallback="sales_ops"), finance(),
     ["when nobody can answer finance, sales ops is no longer asked instead"]),
    (finance(fallback="sales_ops"), finance(fallback="vp_sales"),
     ["when nobody can answer finance, now vp sales instead of sales ops is asked"]),
    (finance(), finance(override="two"), ["finance can now be decided by two administrators together"]),
    (finance(override="two"), finance(override="none"), ["finance can no longer be decided by administrators"]),
    (finance(), finance(advisory=True), ["finance now only advises: its no stops nothing"]),
    (finance(), Approval("money", by="finance", within=business_days(2), escalate_to="cfo", was="finance"),
     ["finance is now called money"]),
    (finance(), legal(),
     ["finance is no longer asked", "legal is new: asked of legal within 3 business days, in stage review"]),
    (Task("survey", by="operations", within=days(2)), Task("survey", by="delivery_manager", within=days(2)),
     ["task survey is now asked of delivery manager instead of operations"]),
    (Wait("the lease", until=deal.goals.is_set()), Wait("the lease", until=deal.close_date, lead=days(3)),
     ["wait the lease now waits until nothing instead of until goals is known",
      "wait the lease now waits for the date close date instead of nothing",
      "wait the lease now ends ahead of its date by 3 days instead of nothing"]),
    (Call(create_project), Call(create_project, inputs={"account": deal.title}),
     ["call create_project now reads account from title instead of account"]),
    (Handoff("managed-services", to="delivery_manager", within=days(1)),
     Handoff("managed-services", to="delivery_head", within=days(1), accept_when=EU),
     ["handoff managed-services is now handed to delivery head instead of delivery manager",
      "handoff managed-services is now accepted by itself when data class is restricted instead of never"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), STEPS, ids=[words[0][:60] for _, _, words in STEPS])
def test_a_changed_step_is_said_as_sales_ops_would(old: Any, new: Any, words: list[str]) -> None:
    changes = difference(one(old), one(new))
    assert [change.words for change in changes] == words
    assert {change.stage for change in changes} == {"review"}
    assert all(change.step for change in changes)


def flow(**more: Any) -> FlowDef:
    parts: dict[str, Any] = {
        "quote": Stage("quote", Call(price_quote), sow(), on_reject="quote"),
        "review": Stage("review", Parallel(legal(), finance()), on_reject="quote"),
        "contract": Stage("contract", signed(), on_decline="quote"),
        **{name: more.pop(name) for name in ("quote", "review", "contract") if name in more},
    }
    rest = more.pop("order", list(parts))
    return bound(*(parts[name] for name in rest), **more)


MARGIN = Stage("margin", finance(), on_reject="quote")
FLOWS: list[tuple[FlowDef, list[str]]] = [
    (flow(takes=EU), ["a deal is now taken only when data class is restricted instead of always"]),
    (flow(owner="sales"), ["the flow's owner is now sales instead of deal owner"]),
    (flow(completes=cancelled("test")), ["a deal that comes to the end is now cancelled: test instead of won"]),
    (flow(review=Stage("review", Parallel(legal(), finance()), on_reject="quote", max_rework=5)),
     ["stage review may now be gone through again 5 instead of 3 times"]),
    (flow(review=Stage("review", Parallel(legal(), finance()), on_reject="quote", on_exhausted=lost("rework"))),
     ["rework of stage review that is used up now ends the deal (lost: rework) instead of asking a person"]),
    (flow(review=Stage("review", Parallel(legal(), finance()), on_reject=lost("no"))),
     ["a no in stage review now ends the deal (lost: no) instead of leading back to stage quote"]),
    (flow(review=Stage("review", Parallel(legal(), finance()), on_reject="quote", skip_when=LOW)),
     ["stage review is now skipped when margin < 28 % instead of never"]),
    (flow(review=Stage("review", legal(), finance(), on_reject="quote")),
     ["legal now comes before finance"]),
    (flow(review=Stage("review", Parallel(finance(), legal()), on_reject="quote")),
     ["stage review groups its steps in another way: finance and legal"]),
    (flow(review=Stage("review", Parallel(legal(), finance(), wait_all=True), on_reject="quote")),
     ["legal and finance together now go on with the last answer instead of the first no"]),
    (flow(review=Stage("look", Parallel(legal(), finance()), on_reject="quote", was="review")),
     ["stage review is now called look"]),
    (flow(order=["quote", "contract", "review"]), ["stage review now comes after stage contract"]),
    (bound(Stage("quote", Call(price_quote), sow(), on_reject="quote"), Stage("review", legal(), on_reject="quote"),
           MARGIN, Stage("contract", signed(), on_decline="quote")),
     ["stage margin is new, after stage review", "finance is now in stage margin instead of review"]),
]  # fmt: skip


@pytest.mark.parametrize(("new", "words"), FLOWS, ids=[words[0][:60] for _, words in FLOWS])
def test_a_changed_flow_is_said_as_sales_ops_would(new: FlowDef, words: list[str]) -> None:
    assert [w for w in said(flow(), new) if "asked again" not in w] == words


def test_a_step_that_moves_among_others_is_said_once() -> None:
    calls = [Call(price_quote), Call(create_sales_order), Call(create_project), sow()]
    old, new = bound(Stage("quote", *calls)), bound(Stage("quote", *calls[1:], calls[0]))
    assert [w for w in said(old, new) if w.startswith("call price_quote")] == [
        "call price_quote now comes after call create_sales_order, call create_project and document sow"
    ]


def test_a_table_that_moves_to_another_line_is_no_difference() -> None:
    old = one(finance(by=large()))
    new = one(finance(by=table("large", row("cfo", when=deal.amount > usd(100_000)), row("finance"), match="first")))
    assert old.steps["approval:finance"] != new.steps["approval:finance"]
    assert said(old, new) == []
    assert old.digest == new.digest


def test_a_rule_around_steps_is_said_of_each_step_inside() -> None:
    old, new = (bound(Stage("s", When(deal.amount > usd(n), legal(covers=[]), finance(covers=[])))) for n in (5, 6))
    assert said(old, new) == [
        "legal is now asked when amount > $6 instead of > $5", "finance is now asked when amount > $6 instead of > $5",
    ]  # fmt: skip


def test_what_a_flow_uses_is_said_too() -> None:
    old = flow()
    spec = old.facts["margin"].model_copy(update={"worse": Direction.HIGHER})
    action = old.actions["price_quote"].model_copy(update={"patience_seconds": 60})
    template = TemplateSpec(title="SOW", variables=("amount",))
    new = FlowDef(**dict(old) | {
        "facts": {**old.facts, "margin": spec, "region": spec.model_copy(update={"path": "region"})},
        "actions": {**old.actions, "price_quote": action}, "templates": {"sow/managed_services": template},
    })  # fmt: skip
    assert said(old, new) == [
        "fact region is new",
        "fact margin gets worse when it is higher instead of lower",
        "action price_quote is now tried for so many seconds: 60 instead of 86400",
        "template sow/managed_services no longer has the variables account",
    ]


def test_the_version_number_alone_is_no_difference() -> None:
    assert difference(flow(), flow(version=2)) == ()


def test_a_change_names_the_line_in_the_new_file() -> None:
    [change] = difference(flow(), flow(contract=Stage("contract", signed(within=days(7)), on_decline="quote")))
    assert change.words == "signature of sow now has 7 days instead of 14"
    assert change.line > 0


def rich() -> list[FlowDef]:
    shipped = load(templates=template_specs(load_templates())).every
    ours = one(finance(by=[large(), person("noor")], hours="person", fallback="sales_ops", override="two"))
    return [*shipped, ours, *(FlowMaker(random.Random(seed)).make() for seed in range(30))]


WORDS = [
    "higher", "lower", "different", "escalate", "approve", "reject", "expire", "any", "all", "ask", "won", "lost",
    "days", "minutes", "crm", "step", "again", "amend", "keep", "auto", "none", "<", ">", "is", "first",
]  # fmt: skip
_PLACES = {"line", "file", "version"}


def leaves(plain: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value and list of a dump, but not to what a digest leaves out."""
    if isinstance(plain, dict):
        for key, value in plain.items():
            if key not in _PLACES:
                yield from leaves(value, (*way, key))
        return
    yield way
    if isinstance(plain, list):
        for i, value in enumerate(plain):
            yield from leaves(value, (*way, i))


def mutations(value: Any, g: random.Random) -> list[Any]:
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case str():
            return [*g.sample(WORDS, len(WORDS)), f"{value}x", "12.5"]
        case None:
            return [True, "x", {"n": 9, "unit": "days"}, {"kind": "is set", "fact": "owner"}, {"is_": "continue"}, 7]
        case list() if value:
            cut, turned = value[: g.randrange(len(value))], value[::-1]
            return [x for x in ([*value, *value[:1]], cut, turned) if x != value]
    return []


def mutated(flow: FlowDef, g: random.Random) -> tuple[FlowDef, tuple[Any, ...]] | None:
    """Return the flow with one value changed at random, still a definition, and where."""
    plain = flow.model_dump(mode="json")
    way = g.choice(list(leaves(plain)))
    options = mutations(_at(plain, way), g)
    g.shuffle(options)
    for option in options:
        other = copy.deepcopy(plain)
        _at(other, way[:-1])[way[-1]] = option
        try:
            made = FlowDef.model_validate(other)
        except ValidationError:
            continue
        if made.digest != flow.digest:
            return made, way
    return None


def _at(plain: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        plain = plain[key]
    return plain


def step_at(plain: Any, way: tuple[Any, ...]) -> str:
    """Return the name of the step that a way leads into."""
    steps = [each for each in itertools.accumulate(way, lambda p, k: p[k], initial=plain) if isinstance(each, dict)]
    named = [each for each in steps if "name" in each and "kind" in each]
    return str(named[-1]["name"]) if named else ""


@pytest.mark.parametrize("seed", range(3))
def test_every_single_mutation_is_said_and_names_its_step(seed: int) -> None:
    g, done, flows = random.Random(seed), 0, rich()
    while done < 120:
        old = g.choice(flows)
        found = mutated(old, g)
        if found is None:
            continue
        new, way = found
        changes = difference(old, new)
        assert changes, (old.name, way)
        assert not any("written in another way and does the same" in c.words for c in changes), (old.name, way)
        step = step_at(old.model_dump(mode="json"), way)
        assert any(step in change.words for change in changes), (old.name, way, changes)
        assert all(change.words and len(change.words) < 2000 for change in changes)
        done += 1


def test_equal_definitions_have_no_difference_and_a_difference_has_a_digest() -> None:
    for old in rich():
        assert difference(old, FlowDef.model_validate_json(old.model_dump_json())) == ()
    for one, other in itertools.pairwise(rich()[-12:]):
        assert difference(one, other)


def test_a_difference_of_a_carried_flow_says_which_flow() -> None:
    child = flow()
    old = FlowDef(**dict(flow()) | {"children": {"services": child}})
    changed = FlowDef(**dict(child) | {"completes": Ending(outcome="lost", reason="no")})
    new = FlowDef(**dict(old) | {"children": {"services": changed}})
    assert said(old, new) == ["in flow services: a deal that comes to the end is now lost: no instead of won"]
