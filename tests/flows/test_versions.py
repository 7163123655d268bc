"""Released versions are locked and loaded for ever; an edit is told with what it changed and what to do."""

from __future__ import annotations

import base64
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from activities.documents import load_templates
from activities.template_specs import template_specs
from models.deal import DealState
from models.flow import FlowDef, digest_of_plain
from models.money import percent, usd
from models.walk import walk
from tests.flows.planning import planned
from tests.flows.walking import T0, Walked, facts_of_the_crm
from workflows.checks import Finding
from workflows.library import Library, load
from workflows.versions import SHIPPED, NotReleased, Releases, locked, release

TESTS = Path(__file__).parents[1]
DAY = date(2026, 11, 22)


def loaded(folder: Path) -> Library:
    return load(folder, templates=template_specs(load_templates()), shipped=False)


def about_releases(library: Library) -> list[Finding]:
    return [found for kept in library.releases for found in kept.findings(library.every)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A company folder with a copy of the shipped flow, as it was released."""
    shutil.copy(SHIPPED / "managed_services.py", tmp_path)
    [flow] = loaded(tmp_path).every
    assert release(flow, Releases(tmp_path), DAY)
    return tmp_path


def edit(folder: Path, *changes: tuple[str, str], file: str = "managed_services.py") -> None:
    text = (folder / file).read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    (folder / file).write_text(text)


THRESHOLD = ("deal.margin < percent(28)", "deal.margin < percent(30)")
SECOND = ("version=1", "version=2")


def test_no_shipped_flow_differs_from_its_release() -> None:
    library = load(templates=template_specs(load_templates()))
    told = [f"{found.what}: {found.remedy}" for found in about_releases(library)]
    assert told == [], "\n".join(told)
    assert ("managed-services", 1) in library.released


def test_an_edited_release_is_told_with_what_changed_and_what_to_do(folder: Path) -> None:
    edit(folder, THRESHOLD)
    [found] = about_releases(loaded(folder))
    assert found.code == "released_changed"
    assert found.what == (
        "managed-services version 1 was released on 22 Nov 2026; this file now says something else: finance is now "
        "asked when margin < 30 % instead of < 28 %; the whole rule: margin < 30 % or payment days > 45"
    )
    assert found.remedy == "give it version=2, or undo the edit"
    assert (Path(found.file).name, found.flow) == ("managed_services.py", "managed-services version 1")
    said = (folder / "managed_services.py").read_text().splitlines()
    assert '"finance",' in "".join(said[found.line - 1 : found.line + 2])
    assert found.code in {each.code for each in loaded(folder).check()}


def test_an_undone_edit_and_one_with_the_next_number_are_no_mistake(folder: Path) -> None:
    edit(folder, THRESHOLD)
    edit(folder, THRESHOLD[::-1])
    assert about_releases(loaded(folder)) == []
    edit(folder, THRESHOLD, SECOND)
    library = loaded(folder)
    assert about_releases(library) == []
    assert [(each.number, each.released) for each in library.versions("managed-services")] == [(2, None), (1, DAY)]
    assert library.choose({}).version == 2
    old = library.released["managed-services", 1]
    assert planned(old).ending == planned(library.flows[0]).ending == "won"


def test_a_new_line_a_comment_or_another_place_is_no_edit(folder: Path, tmp_path: Path) -> None:
    edit(folder, ("managed_services = Flow(", "# Halden's own\n\n\nmanaged_services = Flow("))
    assert about_releases(loaded(folder)) == []
    moved = shutil.copytree(folder, tmp_path / "moved", ignore=shutil.ignore_patterns("moved"))
    assert about_releases(loaded(moved)) == []


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("region: Fact[str] = fact(CRM)", ""),
        ("discount: Ordered[Percent] = fact(CRM, worse=HIGHER, guardrail=True, label='given away')", ""),
        ("risk: Ordered[int] = fact(CRM, worse=HIGHER, guardrail=True)", "legal now also signs risk"),
        ("margin: Ordered[Percent] = fact(STEP, worse=HIGHER, guardrail=True)", "legal is now asked again when margin"),
        ("payment_days: Ordered[int] = fact(PERSON, worse=HIGHER, guardrail=True)",
         "fact payment days is now written by person instead of crm"),
    ],
    ids=["a fact nobody reads", "a label", "one more guardrail", "another way to get worse", "another writer"],
)  # fmt: skip
def test_facts_are_locked_as_far_as_the_flow_depends_on_them(folder: Path, declared: str, told: str) -> None:
    words = "CRM, HIGHER, PERSON, STEP, Fact, Ordered, Percent, fact"
    (folder / "own.py").write_text(
        f"from workflows.flows.facts import Facts\nfrom workflows.language import {words}\n\n"
        f"class Own(Facts):\n    {declared}\n\ndeal = Own.paths()\n"
    )
    edit(folder, ("from workflows.flows.facts import deal", "from own import deal"))
    found = about_releases(loaded(folder))
    assert [each.code for each in found] == ["released_changed"] * bool(told)
    assert told in "".join(each.what for each in found)


def test_the_catalog_and_templates_may_live_on(folder: Path) -> None:
    [flow] = loaded(folder).every
    action = flow.actions["price_quote"].model_copy(update={"patience_seconds": 5, "title": "Price it"})
    later = FlowDef(**dict(flow) | {"actions": {**flow.actions, "price_quote": action}, "templates": {}})
    assert later.digest != flow.digest
    assert locked(later).digest == locked(flow).digest
    assert list(Releases(folder).findings([later])) == []


def test_a_hash_of_an_older_model_does_not_accuse_who_changed_nothing(folder: Path) -> None:
    """A field that definitions gain changes every hash and no flow; then the kept definition decides."""
    lock = json.loads((folder / "fingerprints.json").read_text())
    lock["managed-services"]["1"]["written"] = "0" * 64
    (folder / "fingerprints.json").write_text(json.dumps(lock))
    assert about_releases(loaded(folder)) == []
    edit(folder, THRESHOLD)
    assert [found.code for found in about_releases(loaded(folder))] == ["released_changed"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda file: file.unlink(), "released/managed-services-v1.json is missing"),
        (lambda file: file.write_text("{"), "released/managed-services-v1.json cannot be read"),
        (lambda file: file.write_text(file.read_text().replace('"28"', '"30"')),
         "released/managed-services-v1.json is not what was released on 22 Nov 2026"),
    ],
    ids=["missing", "broken", "edited"],
)  # fmt: skip
def test_a_damaged_release_is_told_and_nothing_else_breaks(folder: Path, harm: Any, said: str) -> None:
    harm(folder / "released" / "managed-services-v1.json")
    library = loaded(folder)
    [found] = about_releases(library)
    assert (found.code, said in found.what) == ("release_damaged", True), found
    assert "from version control" in found.remedy
    assert (library.released, library.choose({}).name) == ({}, "managed-services")
    with pytest.raises(NotReleased, match="restore it from version control"):
        release(library.every[0], Releases(folder), DAY)


def test_broken_fingerprints_are_told_and_never_overwritten(folder: Path) -> None:
    (folder / "fingerprints.json").write_text('{"managed-services": 5}')
    library = loaded(folder)
    assert [found.code for found in about_releases(library)] == ["release_damaged"]
    with pytest.raises(NotReleased, match=r"fingerprints\.json cannot be read"):
        release(library.every[0], Releases(folder), DAY)
    assert (folder / "fingerprints.json").read_text() == '{"managed-services": 5}'


def test_releasing_twice_changes_nothing_and_releasing_an_edit_is_refused(folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*.json")}
    assert not release(loaded(folder).every[0], Releases(folder), date(2027, 1, 1))
    edit(folder, THRESHOLD)
    with pytest.raises(NotReleased) as no:
        release(loaded(folder).every[0], Releases(folder), date(2027, 1, 1))
    assert "give it the next version number: version=2" in str(no.value)
    assert "finance is now asked when margin < 30 % instead of < 28 %" in str(no.value)
    assert {file: file.read_bytes() for file in folder.rglob("*.json")} == before
    edit(folder, SECOND)
    assert release(loaded(folder).every[0], Releases(folder), date(2027, 1, 1))
    assert sorted(loaded(folder).released) == [("managed-services", 1), ("managed-services", 2)]
    edit(folder, SECOND[::-1])
    [found] = about_releases(loaded(folder))
    assert found.remedy == "give it version=3, or undo the edit"


def test_a_name_that_is_no_file_name_is_released_all_the_same(folder: Path) -> None:
    edit(folder, ('"managed-services",\n', '"EU/managed services",\n'))
    assert release(loaded(folder).every[0], Releases(folder), DAY)
    assert (folder / "released" / "EU%2Fmanaged%20services-v1.json").is_file()
    assert ("EU/managed services", 1) in loaded(folder).released


def definitions() -> dict[str, Any]:
    """Every definition of the past: kept ones, released ones, and those that recorded deals carried."""
    files = [*(TESTS / "flows" / "released").glob("*.json"), *(SHIPPED / "released").glob("*.json")]
    found = {file.name: json.loads(file.read_text()) for file in files}
    for file in (TESTS / "histories" / "DealLifecycle").glob("*.json"):
        begun = json.loads(file.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]
        found[f"history of {file.stem}"] = json.loads(base64.b64decode(begun["input"]["payloads"][0]["data"]))["flow"]
    return found


PAST = definitions()


@pytest.mark.parametrize("name", PAST)
def test_every_definition_of_the_past_loads_walks_and_plans(name: str) -> None:
    flow = FlowDef.model_validate(PAST[name])
    assert [stage.name for stage in flow.stages] == [stage["name"] for stage in PAST[name]["stages"]]
    fresh = walk(flow, DealState(flow=flow, deal="deal/hubspot/1", opened_at=T0))
    assert fresh.moves or fresh.questions
    if flow.name == "managed-services":
        _lives(flow)


def _lives(flow: FlowDef) -> None:
    deal = Walked(flow, facts_of_the_crm(35), amount=usd(500_000), margin=percent("19.5"))
    assert deal.asked == {"approval:discount": ("joel",)}
    assert walk(flow, deal.state).stage == "quote"
    assert planned(flow).ending == "won"


def test_kept_definitions_were_not_edited() -> None:
    kept = [*(TESTS / "flows" / "released").glob("*.json")]
    assert kept
    for file in kept:
        assert digest_of_plain(json.loads(file.read_text())).startswith(file.stem.rsplit("-", 1)[-1]), file.name
