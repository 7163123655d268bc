"""Flows of a company's folder: found beside the shipped ones, chosen by rule, broken ones left out with a place."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from activities.documents import load_templates
from activities.template_specs import template_specs
from models.money import usd
from models.values import Text
from workflows.library import Library, NoFlow, load

FACTS = """
    from workflows.language import CRM, DealFacts, Fact, Money, Ordered, fact

    class Facts(DealFacts):
        region: Fact[str] = fact(CRM)
        value: Ordered[Money] = fact(CRM)

    deal = Facts.paths()
    PROPERTIES = {"region": "sales_region"}
"""
FLOW = """
    from facts import deal
    from workflows.language import Approval, Flow, Stage, business_days, lost, usd

    small_projects = Flow(
        "small-projects",
        Stage("look", Approval("look", by="sales", within=business_days(1), escalate_to="ceo", on_reject=lost("no"))),
        version=VERSION,
        takes=deal.value < usd(10_000),
    )
"""

SHIPPED = ["manufacturing 1", "saas 1", "construction 1", "financial-services 1", "managed-services 1"]


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text))
    return folder


def loaded(*places: Path, shipped: bool = True) -> Library:
    return load(places, templates=template_specs(load_templates()), shipped=shipped)


def names(library: Library) -> list[str]:
    return [f"{flow.name} {flow.version}" for flow in library.flows]


def test_without_a_folder_managed_services_takes_every_deal_of_no_other_line_of_business() -> None:
    library = loaded()
    assert (names(library), library.findings) == (SHIPPED, ())
    assert library.choose({}).name == "managed-services"
    assert library.choose({"line_of_business": Text(v="managed_services")}).name == "managed-services"
    assert library.choose({"line_of_business": Text(v="saas")}).name == "saas"
    assert library.flows[-1].templates["sow/managed_services"].title == "Statement of work: managed services"


def test_a_folders_flow_takes_its_deals_and_the_shipped_one_the_others(tmp_path: Path) -> None:
    library = loaded(written(tmp_path, facts=FACTS, small=FLOW.replace("VERSION", "1")))
    assert library.findings == ()
    assert library.choose({"value": usd(5_000)}).name == "small-projects"
    assert library.choose({"value": usd(50_000)}).name == "managed-services"
    assert library.choose({}).name == "managed-services", "an undecided rule takes nothing"
    assert library.choose({"value": usd(50_000)}, name="small-projects").name == "small-projects"
    assert library.properties == {"region": "sales_region"}
    assert library.facts["region"].type == "text"
    assert library.facts["margin"].type == "percent"


def test_the_newest_version_of_a_name_is_on_offer(tmp_path: Path) -> None:
    versions = {"one": FLOW.replace("VERSION", "1"), "three": FLOW.replace("VERSION", "3")}
    library = loaded(written(tmp_path, facts=FACTS, **versions, two=FLOW.replace("VERSION", "2")))
    assert names(library) == ["small-projects 3", *SHIPPED]
    assert len(library.every) == 3 + len(SHIPPED)


def test_one_version_written_twice_is_found(tmp_path: Path) -> None:
    first, second = FLOW.replace("VERSION", "1"), FLOW.replace("VERSION", "1").replace('"sales"', '"finance"')
    library = loaded(written(tmp_path, facts=FACTS, a=first, b=second))
    [found] = library.findings
    assert (found.code, Path(found.file).name) == ("version_twice", "b.py")
    assert found.remedy == "give this one version=2, or another name"


@pytest.mark.parametrize(
    ("broken", "code", "line", "said"),
    [
        ("x = (\n", "not_python", 1, "not Python"),
        ("from facts import deal\n\nrule = deal.regoin.is_set()\n", "not_imported", 3, "did you mean 'region'?"),
        ("from facts import deal\nif deal.value > 5: pass\n", "not_imported", 2, "cannot be compared with 5"),
        ("import nothing_of_this_name\n", "not_imported", 1, "there is no module 'nothing_of_this_name'"),
        ("raise SystemExit(3)\n", "not_imported", 1, "the file ends Python (SystemExit)"),
        ("from workflows.language import Flow\nf = Flow('empty', version=1)\n", "no_facts", 2, "which facts"),
    ],
)
def test_a_broken_file_is_a_finding_with_its_line_and_the_others_still_load(
    tmp_path: Path, broken: str, code: str, line: int, said: str
) -> None:
    library = loaded(written(tmp_path, facts=FACTS, broken=broken, small=FLOW.replace("VERSION", "1")))
    [found] = library.findings
    assert (found.code, found.line, Path(found.file).name) == (code, line, "broken.py")
    assert said in f"{found.what}; {found.remedy}"
    assert found.remedy
    assert names(library) == ["small-projects 1", *SHIPPED]


def test_broken_facts_are_told_once_where_they_are(tmp_path: Path) -> None:
    library = loaded(written(tmp_path, facts="deal = 1 / 0\n", small=FLOW.replace("VERSION", "1")))
    [found] = library.findings
    assert (Path(found.file).name, found.line, found.what) == ("facts.py", 1, "division by zero")


def test_a_file_may_not_hide_a_package(tmp_path: Path) -> None:
    library = loaded(written(tmp_path, pydantic="x = 1\n", json="x = 1\n"))
    assert sorted((f.code, f.what) for f in library.findings) == [
        ("name_taken", "json.py hides Python's own json"),
        ("name_taken", "pydantic.py hides the package pydantic"),
    ]


def test_two_folders_have_their_own_facts_and_leave_nothing_behind(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    written(one, facts=FACTS, small=FLOW.replace("VERSION", "1"))
    written(two, facts=FACTS.replace("region", "branch"), other=FLOW.replace("VERSION", "1").replace("small", "other"))
    library = loaded(one, two)
    first, second, *_ = library.flows
    assert ("region" in first.facts, "branch" in first.facts) == (True, False)
    assert ("region" in second.facts, "branch" in second.facts) == (False, True)
    assert "facts" not in sys.modules
    assert not any(str(tmp_path) in place for place in sys.path)
    assert not list(tmp_path.rglob("*.pyc"))


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    folder = written(tmp_path, facts=FACTS, small=FLOW.replace("VERSION", "1"))
    assert names(loaded(folder))[0] == "small-projects 1"
    written(tmp_path, small=FLOW.replace("VERSION", "2"))
    assert names(loaded(folder))[0] == "small-projects 2"


def test_a_single_file_is_loaded_with_its_siblings_but_without_their_flows(tmp_path: Path) -> None:
    written(tmp_path, facts=FACTS, small=FLOW.replace("VERSION", "1"), other=FLOW.replace("VERSION", "2"))
    assert names(loaded(tmp_path / "small.py", shipped=False)) == ["small-projects 1"]


def test_of_the_files_beside_a_single_one_only_those_it_uses_are_run(tmp_path: Path) -> None:
    stranger = "raise SystemExit('some script of the same folder')"
    folder = written(tmp_path, facts=FACTS, small=FLOW.replace("VERSION", "1"), json=stranger, stranger=stranger)
    library = loaded(folder / "small.py", shipped=False)
    assert (names(library), library.findings) == (["small-projects 1"], ())
    assert library.properties == {"region": "sales_region"}


def test_a_companys_packets_and_subflows_travel_with_the_flow(tmp_path: Path) -> None:
    packets = """
        from models.flow import PacketField, PacketSpec

        PACKETS = {"short": PacketSpec(title="Short", fields=(PacketField(label="where", fact="region"),))}
    """
    outer = """
        from facts import deal
        from small import small_projects
        from workflows.language import Flow, Handoff, Stage, Subflow, business_days

        outer = Flow(
            "outer",
            Stage("all", Subflow(small_projects), Handoff("short", to="operations", within=business_days(1),
                                                          escalate_to="delivery_head")),
            version=1,
        )
    """
    library = loaded(written(tmp_path, facts=FACTS, packets=packets, small=FLOW.replace("VERSION", "1"), outer=outer))
    assert library.findings == ()
    flow = library.choose({}, name="outer")
    assert flow.packets["short"].title == "Short"
    assert flow.children["small-projects"].facts["region"].type == "text"


def test_a_flow_no_deal_could_walk_is_not_on_offer(tmp_path: Path) -> None:
    flow = FLOW.replace("VERSION", "1").replace('on_reject=lost("no")', 'on_reject="nowhere"')
    library = loaded(written(tmp_path, facts=FACTS, small=flow))
    assert names(library) == SHIPPED
    assert [f.code for f in library.check()] == ["unknown_stage"]


def test_who_was_asked_is_said_when_nobody_takes_the_deal(tmp_path: Path) -> None:
    library = loaded(written(tmp_path, facts=FACTS, small=FLOW.replace("VERSION", "1")), shipped=False)
    with pytest.raises(NoFlow, match=r"asked were small-projects \(value \$50,000 is not < \$10,000\)"):
        library.choose({"value": usd(50_000), "region": Text(v="west")})
    with pytest.raises(NoFlow, match="there is no flow 'nothing' on offer"):
        library.choose({}, name="nothing")
