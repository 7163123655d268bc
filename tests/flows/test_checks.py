"""Every mistake a flow can hold has a code, a line and a remedy, and the shipped flows hold none."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest

from activities.documents import load_templates
from activities.template_specs import template_specs
from cli.main import run
from workflows.checks import Finding
from workflows.library import load

HEAD = """\
from activities.catalog import create_project, create_sales_order, price_quote
from workflows.flows.facts import deal
from workflows.language import *
from models.flow import RenderDef

bad = Flow(
    "bad",
"""
PATIENCE = 'within=business_days(1), escalate_to="ceo"'
PRICED = "Call(price_quote, when=deal.discount > percent(5))"
RENDERED = 'Render("sow", template="sow/managed_services"'
STEPS = {
    "unknown_role": f'Stage("s", Approval("a", by="ghost", {PATIENCE}, on_reject="s"))',
    "unknown_template": 'Stage("s", Call(price_quote), Render("sow", template="sow/managed_servces"))',
    "unknown_packet": f'Stage("s", Handoff("managed-service", to="operations", {PATIENCE}))',
    "unknown_stage": f'Stage("s", Approval("a", by="cfo", {PATIENCE}, on_reject="t"))',
    "later_stage": f'Stage("s", Approval("a", by="cfo", {PATIENCE}, on_reject="t")), '
    f'Stage("t", Task("t", by="sales", {PATIENCE}))',
    "unrouted_rejection": f'Stage("s", Approval("a", by="cfo", {PATIENCE}))',
    "unrouted_decline": 'Stage("s", Call(price_quote), Render("sow", template="sow/managed_services"), '
    'Signature("sow", within=days(3)))',
    "unrendered_signature": 'Stage("s", Signature("sow", within=days(3), on_decline="s"))',
    "nobody_to_escalate_to": 'Stage("s", Approval("a", by="cfo", within=business_days(1), on_reject="s"))',
    "no_deadline": 'Stage("s", Task("t", by="sales", within=None, on_silence=EXPIRE))',
    "duplicate_step": f'Stage("s", Task("t", by="sales", {PATIENCE}), Task("t", by="sales", {PATIENCE}))',
    "fact_too_early": f'Stage("s", Approval("a", by="cfo", {PATIENCE}, on_reject="s", when=deal.margin < percent(9)), '
    "Call(price_quote))",
    "fact_never_written": f'Stage("s", Task("t", by="sales", {PATIENCE}, when=deal.margin < percent(9)))',
    "unknown_fact": f'Stage("s", Approval("a", by=Owner(fact="boss"), {PATIENCE}, on_reject="s"))',
    "unrouted_expiry": 'Stage("s", Wait("data", until=deal.data_class.is_set(), within=days(2)))',
    "unknown_step": f'Stage("s", Approval("a", by="cfo", {PATIENCE}, on_reject="s", not_same_as=["b"]))',
}


def found_in(folder: Path, stages: str, name: str = "bad") -> list[Finding]:
    text = HEAD.replace("RenderDef", "RenderDef\nfrom models.asking import Owner")
    (folder / f"{name}.py").write_text(f"{text}{indent(stages, '    ')},\n    version=1,\n)\n")
    return load(folder, templates=template_specs(load_templates()), shipped=False).check()


def test_the_shipped_flows_have_no_mistakes() -> None:
    assert load(templates=template_specs(load_templates())).check() == []


@pytest.mark.parametrize("code", STEPS)
def test_each_mistake_is_found_with_its_line_and_a_remedy(tmp_path: Path, code: str) -> None:
    found = found_in(tmp_path, STEPS[code])
    mine = [each for each in found if each.code == code]
    assert len(mine) == 1, found
    assert len(found) == 1 or code == "unknown_packet"
    assert (Path(mine[0].file).name, mine[0].line, mine[0].flow) == ("bad.py", 9, "bad version 1")
    assert mine[0].remedy


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("unknown_template", "did you mean 'sow/managed_services'?"),
        ("unknown_packet", "did you mean 'managed-services'?"),
        ("unrouted_rejection", 'add on_reject="s" or on_reject=lost("...") to it or to stage \'s\''),
        ("unrendered_signature", 'put Render("sow", template="...") before it'),
    ],
)
def test_the_remedy_is_what_to_write(tmp_path: Path, code: str, remedy: str) -> None:
    assert found_in(tmp_path, STEPS[code])[0].remedy == remedy


def test_an_action_that_is_not_in_the_catalog_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        dedent("""
        from dataclasses import replace
        from activities.catalog import create_project
        from workflows.flows.facts import deal
        from workflows.language import Call, Flow, Stage

        bad = Flow("bad", Stage("s", Call(replace(create_project, name="create_projct"))), version=1)
        """)
    )
    [found, *_] = load(tmp_path, templates={}, shipped=False).check()
    assert (found.code, found.remedy) == ("unknown_action", "did you mean 'create_project'?")


def test_a_fact_of_a_sibling_branch_is_too_early(tmp_path: Path) -> None:
    branches = f'Parallel(Call(price_quote), Approval("a", by="cfo", {PATIENCE}, covers=[deal.margin], on_reject="s"))'
    [found] = found_in(tmp_path, f'Stage("s", {branches})')
    assert found.code == "fact_too_early"
    assert "beside it" in found.what


def test_a_circle_of_facts_is_printed_whole(tmp_path: Path) -> None:
    steps = "Call(price_quote, when=~deal.sales_order.is_set()), Call(create_sales_order)"
    [found] = [each for each in found_in(tmp_path, f'Stage("s", {steps})') if each.code == "fact_cycle"]
    assert found.what.endswith(
        "Call 'price_quote' reads 'sales_order' of Call 'create_sales_order', "
        "Call 'create_sales_order' reads 'quote' of Call 'price_quote'"
    )


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        ('When(deal.discount > percent(5), Call(price_quote), otherwise=Call(price_quote, name="plain"))', []),
        (f'{PRICED}, Call(price_quote, name="b", when=deal.discount > percent(3))', ["two_writers"]),
        (f'{PRICED}, Call(price_quote, name="b", when=deal.discount <= percent(5)), {RENDERED})', []),
        (f"{PRICED}, {RENDERED}, when=deal.discount > percent(9))", []),
        (f"{PRICED}, {RENDERED}, when=deal.discount > percent(2))", ["fact_maybe_unset"]),
    ],
)  # fmt: skip
def test_rules_decide_who_writes_and_whether_it_was_written(tmp_path: Path, steps: str, codes: list[str]) -> None:
    assert sorted({each.code for each in found_in(tmp_path, f'Stage("s", {steps})')}) == codes


def test_flows_that_share_out_all_deals_between_them_leave_none_for_the_next(tmp_path: Path) -> None:
    takes = {
        "a_small": "deal.discount < percent(5)",
        "b_rest": "(deal.discount >= percent(5)) | ~deal.discount.is_set()",
        "c_late": "deal.payment_days > 90",
    }
    for name, rule in takes.items():
        (tmp_path / f"{name}.py").write_text(
            "from activities.catalog import price_quote\nfrom workflows.flows.facts import deal\n"
            "from workflows.language import *\n"
            f"bad = Flow('{name}', Stage('s', Call(price_quote)), version=1, takes={rule})\n"
        )
    [found] = load(tmp_path, templates=template_specs(load_templates()), shipped=False).check()
    assert (found.code, found.flow, found.severity) == ("never_chosen", "c_late version 1", "warning")
    assert "a_small (discount < 5 %)" in found.what


def test_the_command_ends_with_0_clean_1_with_findings_2_for_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found_in(tmp_path, STEPS["unrouted_rejection"])
    assert run(["flow", "check"]) == 0
    assert "no mistakes" in capsys.readouterr().out
    assert run(["flow", "check", str(tmp_path)]) == 1
    assert "nothing says what follows a no [unrouted_rejection]" in capsys.readouterr().out
    assert run(["flow", "check", str(tmp_path / "bad.py"), "--json"]) == 1
    [told] = json.loads(capsys.readouterr().out)
    assert (told["code"], told["line"]) == ("unrouted_rejection", 9)
    for wrong in (str(tmp_path / "none.py"), str(_other(tmp_path))):
        assert run(["flow", "check", wrong]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_people_file_says_which_roles_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    assert [each.code for each in found_in(folder, STEPS["unknown_role"])] == ["unknown_role"]
    people = tmp_path / "people.toml"
    people.write_text('[[people]]\nid = "casper"\nroles = ["ghost", "ceo"]\n')
    assert run(["flow", "check", str(folder), "--people", str(people)]) == 0
    people.write_text("[[people")
    assert run(["flow", "check", str(folder), "--people", str(people)]) == 2
    capsys.readouterr()


def test_list_names_the_flows_in_the_order_they_are_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "list"]) == 0
    assert "managed-services version 1: quote > review > contract > closed-won > handoff" in capsys.readouterr().out
    assert run(["flow", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed if each["takes"] is None] == [listed[-1]["name"]] == ["managed-services"]


def _other(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("no flow")
    return path
