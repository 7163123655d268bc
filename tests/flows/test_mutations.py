"""Three hundred slips of the hand in good flows: each is still a flow that works, or is reported where it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.flow import FlowDef
from tests.flows.driving import Driven, Wedged
from tests.flows.mutations import KINDS, Mutant, Source, misspell_a_name, mutants
from tests.flows.test_checks_doc import examples, templates
from workflows.checks import FATAL
from workflows.flows import FLOWS
from workflows.library import load


def shipped() -> dict[str, str]:
    """The text of every shipped flow file."""
    modules = {Path(flow.file).stem: flow.file for flow in FLOWS}
    return {name: Path(file).read_text("utf-8") for name, file in modules.items()}


def good() -> dict[str, tuple[str, int]]:
    """Every good flow file, with how many changes are made to it."""
    small = {code: each.block("passing") for code, each in examples().items() if each.people is None}
    alone = {code: text for code, text in small.items() if "# file:" not in text and "PACKETS" not in text}
    return {
        **{name: (text, 24) for name, text in shipped().items()},
        **{code: (text, 5) for code, text in alone.items()},
    }


def judged(mutant: Mutant, folder: Path) -> tuple[list[str], str]:
    """Return what is wrong with how a change is treated, and how it was: reported, or still a flow."""
    (folder / "mutant.py").write_text(mutant.text)
    library = load(folder, templates=templates(), shipped=False)
    found = library.check()
    wrong = [
        f"{mutant.what!r} is in lines {mutant.first} to {mutant.last}, not {each.line}: {each.code}, {each.what}"
        for each in found
        if not mutant.right(each.line, each.what)
    ]
    fatal = [each for each in found if each.code in FATAL]
    if not found and not library.flows:
        wrong.append(f"{mutant.what!r}: no flow is on offer, and nothing says why")
    if fatal and len(library.flows) == len({flow.name for flow in library.every}):
        wrong.append(f"{mutant.what!r}: on offer in spite of {fatal[0].what}")
    wrong += [f"{mutant.what!r}: {told}" for flow in library.flows if (told := wedged(flow))]
    return wrong, "reported" if found else "valid"


def wedged(flow: FlowDef) -> str:
    """Return what stops a deal of this flow for good, if anything does."""
    try:
        for seed in (1, 2):
            Driven(flow, seed).fly()
    except Wedged as stuck:
        return str(stuck)
    return ""


@pytest.mark.parametrize("name", good())
def test_a_slip_of_the_hand_leaves_a_flow_that_works_or_is_reported_where_it_was_made(
    name: str, tmp_path: Path
) -> None:
    text, n = good()[name]
    treated = []
    for i, mutant in enumerate(mutants(text, seed=sum(map(ord, name)), n=n)):
        folder = tmp_path / str(i)
        folder.mkdir()
        wrong, how = judged(mutant, folder)
        assert wrong == [], mutant.text
        treated.append(how)
    assert len(treated) == n


def test_there_are_three_hundred_slips_and_the_shipped_flows_bear_some_of_every_kind() -> None:
    assert sum(n for _, n in good().values()) >= 300
    for text in shipped().values():
        source = Source(text)
        assert [kind.__name__ for kind in KINDS if not list(kind(source))] == []


def test_a_finding_somewhere_else_would_be_noticed() -> None:
    text = next(text for name, text in shipped().items() if name == "managed_services")
    [mutant] = [m for m in misspell_a_name(Source(text)) if m.what == "misspell 'general_counsel'"]
    legal, security = (text[: text.index(f'Approval("{name}"' if name == "legal" else f'"{name}"')].count("\n") + 1
                       for name in ("legal", "security"))  # fmt: skip
    assert mutant.right(legal, "nobody has the role")
    assert not mutant.right(security - 1, "Approval 'security': nobody has the role")
    assert not mutant.right(1, "nobody has the role")


def test_a_flow_that_wedges_a_deal_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "from workflows.flows.facts import deal\nfrom workflows.language import *\n"
        "bad = Flow('bad', Stage('s', Wait('w', until=(deal.discount > percent(9)) & (deal.discount < percent(1)))), "
        "version=1)\n"
    )
    library = load(tmp_path, templates=templates(), shipped=False)
    assert library.flows == ()
    assert "go" in wedged(library.every[0]) or "nobody has an act" in wedged(library.every[0])
