"""Every recipe of the cookbook loads without a mistake and does what it says people see."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cli.flow_plan_text import plan_text
from models import acts
from models.absence import Absence
from models.deal import Status
from models.flow import FlowDef
from models.given import given
from models.money import percent, usd
from models.people import Directory
from models.values import Digest, Whole
from tests.docs.following import ROOT
from tests.docs.recipes import Recipe, cooked, facts, recipes
from tests.flows.planning import STAFF, START, Somebody, planned
from tests.models import flying
from tests.models.flying import Flight
from workflows.checks import ROLES, check
from workflows.language import calendar
from workflows.plan import Planned

RECIPES = {recipe.number: recipe for recipe in recipes()}
PEOPLE = {
    **{f"role:{role}": [role] for role in ROLES}, "role:finance": ["noor", "frank", "fay"],
    "fact:owner": ["dana"], "fact:region_lead": ["rosa"], "managers:1": ["vera"], "managers:2": ["walter"],
    "customer:signatory": ["ada"],
}  # fmt: skip
DEAL = {"title": "T", "account": "Corvane", "owner": "dana", "signatory": "Ada <ada@c.example>",
        "lines": [{"key": "1"}], "value": 80_000, "discount": 0,
        "payment_days": 30, "term_months": 36, "deal_type": "new", "goals": "peace",
        "region": "west", "region_lead": "rosa", "paper": "ours", "renewal": False}  # fmt: skip
PRICED = {"amount": usd(80_000), "margin": percent(30), "quote": Digest(sha256="q"), "scope": Digest(sha256="s"),
          "project": "P-1", "given_away": usd(0), "largest_family": Whole(v=2)}  # fmt: skip


class Table:
    """One recipe, and deals that are put through it."""

    def __init__(self, flows: tuple[FlowDef, ...]) -> None:
        self.flows = flows
        self.said: list[str] = []

    def deal(self, flow: int = 0, **plain: Any) -> Served:
        made = Served(self.flows[flow], plain)
        self.said.append("")
        made.table, made.place = self, len(self.said) - 1
        return made

    @property
    def seen(self) -> str:
        return "\n".join(self.said)


class Served(Flight):
    """A deal of the cookbook: facts as people write them, actions that answer at once."""

    table: Table
    place: int

    def __init__(self, flow: FlowDef, plain: dict[str, Any]) -> None:
        super().__init__(flow, **given(flow, {**DEAL, **plain}))

    def know(self, source: str = "crm", **plain: Any) -> None:
        """Let the outside, or a person, say facts."""
        self.now += timedelta(minutes=1)
        known = given(self.state.flow, plain)
        self.do(acts.Revise(key=self.key(), by=source, source=source, at=self.now, facts=known))

    def served(self) -> Served:
        """Let everything that machines do come back, and note what a person could read by now."""
        while self.begun:
            written = {p for s in self.begun for p in self.outputs(s)}
            self.run(self.begun[0], **self.made(written))
        printed = [record.printed for record in self.state.records.values()]
        waits = [f"{wait.reason} {wait.waiting_on}" for wait in self.waits()]
        questions = [question.reason for question in self.state.questions.values()]
        sent_back = self.state.revise.reasons if self.state.revise else []
        ending = [str(self.state.ending)] if self.state.ending else []
        self.table.said[self.place] = "\n".join(
            [self.table.said[self.place], self.told(), *printed, *waits, *questions, *sent_back, *ending]
        )
        return self

    def outputs(self, step: str) -> tuple[str, ...]:
        call = self.state.flow.steps[step].step
        action = getattr(call, "action", "")
        return self.state.flow.actions[action].outputs if action else ()

    def made(self, outputs: set[str]) -> dict[str, Any]:
        plain = {k: v for k, v in PRICED.items() if k in outputs and isinstance(v, str)}
        return {**{k: v for k, v in PRICED.items() if k in outputs and not isinstance(v, str)},
                **given(self.state.flow, plain)}  # fmt: skip

    def again(self) -> None:
        """Let the owner hand the deal in again."""
        self.do(acts.Resubmit(key=self.key(), by="dana"))

    @property
    def open(self) -> dict[str, tuple[str, ...]]:
        """The requests that are open, and who can still answer each."""
        return {
            wait.step: wait.waiting_on
            for wait in self.served().waits()
            if wait.step and self.state.record(wait.step).state is Status.OPEN
        }

    @property
    def ended(self) -> str:
        return str(self.served().state.ending or "")


def two_levels(table: Table) -> None:
    small = table.deal(discount=20)
    assert small.open == {"approval:discount": ("deal_desk",)}
    small.answer("deal_desk", "approval:discount")
    assert small.ended == "won"
    large = table.deal(discount=35)
    assert list(large.open) == ["approval:discount"]
    large.answer("deal_desk", "approval:discount")
    assert large.open == {"approval:deep-discount": ("cfo",)}


def four_eyes(table: Table) -> None:
    deal = table.deal()
    deal.answer("noor", "approval:terms")
    assert deal.open == {"approval:release": ("frank", "fay")}
    refused = deal.refused(deal.decision("noor", "approval:release"))
    table.said.append(refused.message)
    deal.answer("frank", "approval:release")
    assert deal.open == {"approval:release": ("fay",)}
    deal.answer("fay", "approval:release")
    assert deal.ended == "won"


def manager_chain(table: Table) -> None:
    deal = table.deal(payment_days=90)
    assert deal.open == {"approval:long payment": ("vera",)}
    deal.answer("vera", "approval:long payment")
    assert deal.open == {"approval:long payment": ("walter",)}
    assert table.deal(payment_days=60).ended == "won"


def ladder(table: Table) -> None:
    deal = table.deal()
    assert deal.open == {"approval:tender": ("sales",)}
    deal.wait(hours=5)
    assert deal.open == {"approval:tender": ("sales", "vp_sales")}
    deal.wait(hours=4)
    assert deal.open == {"approval:tender": ("sales", "vp_sales", "cfo", "ceo")}
    deal.wait(hours=4)
    assert deal.ended == "lost: nobody could decide in time"


def foreign_paper(table: Table) -> None:
    assert table.deal().ended == "won"
    theirs = table.deal(paper="theirs")
    assert list(theirs.open) == ["approval:legal"]
    theirs.answer("legal", "approval:legal")
    assert list(theirs.open) == ["approval:finance"]
    unknown = table.deal(paper=None)
    assert unknown.open == {}
    assert "paper" in unknown.state.questions["approval:legal?missing"].reason


def weekly_price(table: Table) -> None:
    steel = table.deal(deal_type="steel")
    assert list(steel.open) == ["signature:sow"]
    steel.wait(days=6)
    assert steel.open == {}
    assert steel.state.revise is not None
    steel.again()
    assert list(steel.open) == ["signature:sow"]
    other = table.deal()
    other.served().wait(days=29)
    assert list(other.open) == ["signature:sow"]


def purchase_order(table: Table) -> None:
    deal = table.deal()
    assert deal.open == {"wait:purchase order": ("dana",)}
    assert "call:create_project" not in deal.begun
    deal.know("person", po_number="4500012345")
    assert deal.ended == "won"
    late = table.deal()
    late.served().wait(days=31)
    assert late.state.revise is not None


def deposit(table: Table) -> None:
    deal = table.deal()
    assert deal.open == {"wait:deposit": ("noor", "frank", "fay")}
    assert deal.is_("call:create_project") == "new"
    deal.wait(days=8)
    assert "deposit: reminder 1" in deal.told()
    deal.know("erp", deposit_paid=True)
    assert deal.ended == "won"
    assert deal.is_("call:create_project") == "settled"
    unpaid = table.deal()
    unpaid.served().wait(days=22)
    assert unpaid.ended == "cancelled: the deposit was not paid"


def hears_everyone(table: Table) -> None:
    deal = table.deal()
    deal.answer("legal", "approval:legal", "reject", reason="liability")
    assert list(deal.open) == ["approval:finance", "approval:security"]
    deal.answer("noor", "approval:finance")
    assert deal.state.revise is None
    deal.answer("security", "approval:security", "reject", reason="no encryption")
    assert deal.open == {}
    assert deal.state.revise is not None
    assert sorted(deal.state.revise.reasons) == ["legal rejected: liability", "security rejected: no encryption"]


def self_service(table: Table) -> None:
    assert table.deal(value=5_000).ended == "won"
    assert list(table.deal(value=5_000, discount=20).open) == ["approval:deal desk"]
    assert list(table.deal(value=80_000).open) == ["approval:deal desk"]


def bounded_rework(table: Table) -> None:
    deal = table.deal()
    for _ in range(2):
        deal.answer("noor", "approval:finance", "reject", reason="too long")
        assert deal.served().state.revise is not None
        deal.again()
    deal.answer("noor", "approval:finance", "reject", reason="too long")
    assert deal.ended == "lost: no agreement on the terms"


def only_when_worse(table: Table) -> None:
    deal = table.deal(discount=20, start_date="2027-05-01")
    deal.answer("deal_desk", "approval:discount")
    deal.know(discount=18, close_date="2027-01-31")
    assert deal.is_("approval:discount") == "settled"
    deal.know(discount=25)
    assert deal.open["approval:discount"] == ("deal_desk",)
    assert deal.state.record("approval:discount").round == 2


def regional_lead(table: Table) -> None:
    assert table.deal(discount=12).open == {"approval:regional price": ("rosa",)}
    with pytest.MonkeyPatch.context() as gone:
        gone.setattr(flying, "WHO", {**PEOPLE, "fact:region_lead": []})
        stuck = table.deal(discount=12, region_lead="somebody who left")
        assert stuck.open == {}
        assert stuck.is_("approval:regional price") == "incident"
    stuck.know(region_lead="rosa")
    assert stuck.open == {"approval:regional price": ("rosa",)}


def silent_renewal(table: Table) -> None:
    renewal = table.deal(renewal=True)
    renewal.wait(days=4)
    assert renewal.ended == "won"
    assert renewal.state.record("approval:account review").decisions[0].by_silence
    new = table.deal()
    new.wait(days=4)
    assert new.open == {"approval:account review": ("customer_success", "vp_sales")}


def fitting_document(table: Table) -> None:
    small = table.deal(value=20_000)
    assert list(small.open) == ["signature:offer"]
    before = small.state.record("render:offer").edition, small.state.record("signature:offer").round
    small.know(value=70_000)
    assert list(small.open) == ["signature:offer"]
    assert (small.state.record("render:offer").edition, small.state.record("signature:offer").round) > before


def two_signatures(table: Table) -> None:
    deal = table.deal()
    assert deal.open == {"signature:sow": ("ada",)}
    deal.sign("signature:sow")
    assert deal.open == {"signature:countersignature": ("ceo",)}
    first = next(iter(deal.state.record("signature:sow").read.values()))
    assert next(iter(deal.state.record("signature:countersignature").read.values())) == first
    deal.know(account="Corvane Europe")
    assert "hold" in deal.served().kinds()
    early = table.deal()
    before = list(early.open), early.state.record("signature:sow").round
    early.know(account="Corvane Europe")
    assert (list(early.open), early.state.record("signature:sow").round - 1) == before


def kick_off(table: Table) -> None:
    deal = table.deal(start_date="2026-12-15")
    assert list(deal.open) == ["wait:kick-off"]
    deal.wait(days=34)
    assert list(deal.open) == ["wait:kick-off"]
    deal.wait(days=5)
    assert deal.ended == "won"
    assert deal.is_("call:create_project") == "settled"


def survey_per_site(table: Table) -> None:
    deal = table.deal(flow=[each.name for each in table.flows].index("many-sites"), sites=[{"key": "a"}, {"key": "b"}])
    assert sorted(deal.begun) == ["subflow:site-survey[a]", "subflow:site-survey[b]"]
    deal.know(sites=[{"key": "a"}, {"key": "b"}, {"key": "c"}])
    assert sorted(deal.begun) == ["subflow:site-survey[a]", "subflow:site-survey[b]", "subflow:site-survey[c]"]


def veto(table: Table) -> None:
    deal = table.deal()
    assert list(deal.open) == ["approval:sanctions"]
    deal.answer("compliance", "approval:sanctions", "reject", reason="listed")
    assert deal.ended == "lost: compliance said no"
    assert deal.is_("approval:price") != "open"


def opinion(table: Table) -> None:
    deal = table.deal()
    assert set(deal.open) == {"approval:pre-sales", "approval:deal desk"}
    deal.answer("application_engineer", "approval:pre-sales", "reject", reason="not buildable")
    assert deal.state.revise is None
    deal.answer("deal_desk", "approval:deal desk")
    assert deal.ended == "won"
    quick = table.deal()
    quick.answer("deal_desk", "approval:deal desk")
    assert quick.ended == "won"


def deciding_form(table: Table) -> None:
    for score, asked in ((8, ["approval:risk"]), (3, [])):
        deal = table.deal()
        record = deal.state.record("task:risk assessment")
        deal.do(acts.Complete(key=deal.key(), by="operations", step="task:risk assessment", round=record.round,
                              form={"score": str(score), "remark": "steep"}))  # fmt: skip
        assert list(deal.open) == asked


def two_flows(table: Table) -> None:
    assert [flow.name for flow in table.flows] == ["renewals", "new-business"]
    assert table.deal(0, discount=10, renewal=True).open == {"approval:discount": ("customer_success",)}
    assert table.deal(1, discount=10).ended == "won"


def matrix(table: Table) -> None:
    [flow] = table.flows
    assert table.deal(value=80_000).open == {"approval:price": ("vp_sales",)}
    assert table.deal(value=20_000, discount=25).open == {"approval:price": ("vp_sales",)}
    growing = table.deal(value=20_000)
    growing.answer("deal_desk", "approval:price")
    assert growing.ended == "won"
    large = table.deal(value=20_000)
    assert large.open == {"approval:price": ("deal_desk",)}
    large.know(value=300_000)
    assert large.open == {"approval:price": ("cfo",)}
    assert list(table.deal(value=2_000_000).open.values()) == [("cfo",)]
    step = flow.steps["approval:price"].step
    [rows] = step.by
    facts_ = given(flow, {**DEAL, "value": 2_000_000})
    assert [who.role for who in rows.named(date(2027, 1, 1), facts_, {"USD": 1})] == ["cfo", "board"]
    asked = planned(flow, given(flow, {**DEAL, "value": 80_000})).step("approval:price").asked
    table.said += [party.because for party in asked]
    open_ended = step.model_copy(update={"by": (rows.model_copy(update={"rows": rows.rows[:-1]}),)})
    stage = flow.stages[0].model_copy(update={"nodes": (open_ended,)})
    table.said += [found.what for found in check(FlowDef(**dict(flow) | {"stages": (stage,)}))]


def own_hours(table: Table) -> None:
    [flow] = table.flows
    deal = given(flow, DEAL)

    def asked(*absences: Absence, active: bool = True) -> Planned:
        there = (
            Somebody(each.id, each.roles, each.manager, each.id != "noor" or active) for each in STAFF.people.values()
        )
        people = Directory(there, absences, {"noor": calendar("Asia/Tokyo")})
        made = planned(flow, deal, people=people)
        table.said.append(" ".join(" ".join(plan_text(made, {})).split()))
        return made.step("approval:release")

    tokyo = datetime(2026, 11, 25, 9, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert asked().due == tokyo + timedelta(hours=4)
    away = Absence(person="noor", starts=tokyo, ends=tokyo + timedelta(days=1), delegate=None)
    assert asked(away).due == tokyo + timedelta(days=1, hours=4)
    moved = asked(away.model_copy(update={"starts": START, "delegate": "daniel"}))
    assert [party.people for party in moved.asked] == [("daniel",)]
    assert [party.people for party in asked(active=False).asked] == [tuple(STAFF.having("sales_ops"))]


def line_sums(table: Table) -> None:
    with pytest.MonkeyPatch.context() as sums:
        for given_away, ended in ((20_000, "won"), (30_000, "")):
            sums.setitem(PRICED, "given_away", usd(given_away))
            deal = table.deal()
            assert deal.ended == ended
    assert deal.open == {"approval:discounts": ("cfo",)}


SHOWN: dict[int, Callable[[Table], None]] = dict(
    enumerate(
        (two_levels, four_eyes, manager_chain, ladder, foreign_paper, weekly_price, purchase_order, deposit,
         hears_everyone, self_service, bounded_rework, only_when_worse, regional_lead, silent_renewal, fitting_document,
         two_signatures, kick_off, survey_per_site, veto, opinion, deciding_form, two_flows,
         matrix, own_hours, line_sums),
        start=1,
    )
)  # fmt: skip


@pytest.fixture(autouse=True)
def _people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flying, "WHO", PEOPLE)


def test_every_recipe_is_shown() -> None:
    assert list(RECIPES) == list(SHOWN)
    assert len(RECIPES) >= 20
    assert all(recipe.seen.strip() for recipe in RECIPES.values())


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda each: each.title)
def test_a_recipe_has_no_mistake(tmp_path: Path, recipe: Recipe) -> None:
    library = cooked(recipe, tmp_path)
    assert library.check() == []
    assert library.flows


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda each: each.title)
def test_a_recipe_does_what_it_says_people_see(tmp_path: Path, recipe: Recipe) -> None:
    table = Table(cooked(recipe, tmp_path).flows)
    SHOWN[recipe.number](table)
    words = re.findall(r"`([^`]+)`", " ".join(recipe.seen.split()))
    quoted = [word for word in words if " " in word and "(" not in word and not word.startswith("throughline")]
    assert [word for word in quoted if word not in table.seen] == [], table.seen


def test_the_recipes_are_what_an_editor_accepts(tmp_path: Path) -> None:
    for recipe in RECIPES.values():
        cooked(recipe, tmp_path / str(recipe.number))
        (tmp_path / str(recipe.number) / (recipe.file or "recipe.py")).rename(tmp_path / f"recipe_{recipe.number}.py")
    (tmp_path / "facts.py").write_text(facts())
    files = sorted(path.name for path in tmp_path.glob("*.py"))
    ours = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache"))
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *ours, *files]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")
