"""The likeliest mistakes in a flow file: each is told with its line, in plain words, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.documents import load_templates
from activities.template_specs import template_specs
from workflows.checks import Finding
from workflows.library import load

IMPORTS = """\
from activities.catalog import create_project, price_quote
from workflows.flows.facts import deal
from workflows.language import *
"""
ASKED = 'by="cfo", within=business_days(1), escalate_to="ceo", on_reject="quote"'


def rule(text: str) -> str:
    """A flow whose approval has this rule, in line 6."""
    return step(f'Approval("large", {ASKED}, when={text})')


def step(text: str) -> str:
    """A flow with this step, in line 6."""
    return f'{IMPORTS}ours = Flow("ours", Stage("quote",\n    Call(price_quote),\n    {text}), version=1)\n'


def asked(by: str) -> str:
    """A flow whose approval asks these people, in line 6."""
    text = step(f'Approval("large", {ASKED})'.replace('"cfo"', by))
    return text.replace("import *", "import *; from datetime import date", 1)


def flow(text: str) -> str:
    """A flow of these stages, in line 4."""
    return f'{IMPORTS}ours = Flow("ours", {text}, version=1)\n'


PARENTHESES = "put each comparison in parentheses: (deal.discount > percent(15)) | (deal.margin < percent(25))"
JOIN = (
    "write & for and, | for or, ~ for not, with each comparison in parentheses: "
    "(deal.discount > percent(15)) & (deal.discount < percent(30))"
)
NOT_JOINED = "a rule is data, so it cannot be joined with and, or, not, and cannot stand in an if"

NOBODY = (
    'name a role, as in "deal_desk", or write person(...), group(...), managers(...), owner(...), customer(...), '
    "table(...)"
)
LIKELIEST = {
    "1 and instead of &": (
        rule("deal.discount > percent(15) and deal.margin < percent(22)"),
        (6, NOT_JOINED, JOIN),
    ),
    "2 a percentage compared with a number": (
        rule("deal.discount > 15"),
        (6, "deal.discount holds a percentage, so it cannot be compared with 15", "write percent(15)"),
    ),
    "3 a misspelt fact": (
        rule("deal.discuont > percent(15)"),
        (6, "Facts has no fact 'discuont'", "did you mean 'discount'?"),
    ),
    "4 == on a fact": (
        rule('deal.data_class == "restricted"'),
        (6, "== cannot make a rule of deal.data_class", 'write deal.data_class.is_("restricted")'),
    ),
    "5 no parentheses around comparisons": (
        rule("deal.discount > percent(15) | deal.margin < percent(22)"),
        (
            6,
            "deal.margin stands beside & or | without being compared: these bind tighter than < and >",
            PARENTHESES,
        ),
    ),
    "6 a time as a text": (
        step('Approval("large", by="cfo", within="2 business days", escalate_to="ceo", on_reject="quote")'),
        (6, "within='2 business days' is no length of time", "write within=business_days(2)"),
    ),
    "7 a misspelt role": (
        step(f'Approval("large", {ASKED.replace("cfo", "delivery_manger")})'),
        (6, "Approval 'large': nobody has the role 'delivery_manger'", "did you mean 'delivery_manager'?"),
    ),
    "8 a stage that is not there": (
        step(f'Approval("large", {ASKED.replace("quote", "qoute")})'),
        (6, "Approval 'large': on_reject names 'qoute', which is no stage of this flow", "did you mean 'quote'?"),
    ),
    "9 a forgotten comma": (
        f'{IMPORTS}ours = Flow("ours", Stage("quote",\n    Call(price_quote)\n    Call(create_project)), version=1)\n',
        (5, "not Python: something stands where a comma is expected", "put a comma between the two"),
    ),
    "10 a misspelt parameter": (
        step('Approval("large", by="cfo", within=business_days(1), escalate="ceo", on_reject="quote")'),
        (6, "Approval has no parameter 'escalate'", "did you mean 'escalate_to'?"),
    ),
}

OTHERS = {
    "no time to answer in": (
        step('Approval("large", by="cfo", escalate_to="ceo", on_reject="quote")'),
        (6, "Approval lacks within=", "add within=business_days(2)"),
    ),
    "nobody and no time": (
        step('Approval("large", on_reject="quote")'),
        (6, "Approval lacks by= and within=", 'add by="deal_desk", within=business_days(2)'),
    ),
    "nothing follows a no": (
        step('Approval("large", by="cfo", within=business_days(1), escalate_to="ceo")'),
        (
            6,
            "Approval 'large': nothing says what follows a no",
            'add on_reject="quote" or on_reject=lost("...") to it or to stage \'quote\'',
        ),
    ),
    "a stage in a stage": (
        flow('Stage("quote", Stage("price", Call(price_quote)))'),
        (4, "Stage 'price' stands inside another stage", "put it behind that stage, in the flow"),
    ),
    "a step outside of a stage": (
        flow("Call(price_quote)"),
        (4, "Call 'price_quote' stands in flow 'ours' outside of a stage", 'write Stage("...", ...) around it'),
    ),
    "steps in a list": (
        flow('Stage("quote", [Call(price_quote)])'),
        (4, "steps stand in a list", "take its brackets away; a branch of several steps is in parentheses"),
    ),
    "a word that is not imported": (
        "from workflows.language import Approval\n\nApproval('large', by='cfo', within=business_days(1))\n",
        (3, "'business_days' is not imported", "add it on top: from workflows.language import business_days"),
    ),
    "an action that is not imported": (
        "from workflows.language import Call\n\nCall(price_quote)\n",
        (3, "'price_quote' is not imported", "add it on top: from activities.catalog import price_quote"),
    ),
    "a misspelt word": (
        step('Aproval("large")'),
        (6, "there is nothing called 'Aproval' here", "did you mean 'Approval'?"),
    ),
    "a misspelt import": (
        "from workflows.language import Aproval\n",
        (1, "workflows.language has no 'Aproval'", "did you mean 'Approval'?"),
    ),
    "an import from the wrong place": (
        "from workflows.language import price_quote\n",
        (1, "workflows.language has no 'price_quote'", "write: from activities.catalog import price_quote"),
    ),
    "a module that is not there": (
        "from fact import deal\n",
        (
            1,
            "there is no module 'fact'",
            "a flow imports workflows.language, activities.catalog and the files beside it",
        ),
    ),
    "a float": (
        rule("deal.discount > percent(15.5)"),
        (6, "percent(15.5) would not be exact", 'write the digits as a text: percent("15.5")'),
    ),
    "a number beside a percentage with digits": (
        rule("deal.discount > 15.5"),
        (6, "deal.discount holds a percentage, so it cannot be compared with 15.5", 'write percent("15.5")'),
    ),
    "money compared with a number": (
        rule("deal.amount >= 250_000"),
        (6, "deal.amount holds money, so it cannot be compared with 250000", "write usd(250_000)"),
    ),
    "a percentage as a text": (
        rule('deal.discount > "15 %"'),
        (6, 'deal.discount holds a percentage, so it cannot be compared with "15 %"', "write percent(15)"),
    ),
    "days compared with a percentage": (
        rule("deal.payment_days > percent(45)"),
        (6, "deal.payment_days holds a whole number, so it cannot be compared with percent(45)", "write 45"),
    ),
    "!= on a fact": (
        rule('deal.data_class != "public"'),
        (6, "!= cannot make a rule of deal.data_class", 'write ~deal.data_class.is_("public")'),
    ),
    "an order where there is none": (
        rule('deal.data_class > "public"'),
        (
            6,
            "deal.data_class has no order, so it is neither more nor less than anything",
            'write deal.data_class.is_("public") or .one_of(...)',
        ),
    ),
    "a choice that is not offered": (
        rule('deal.data_class.is_("restrictd")'),
        (6, "deal.data_class is never 'restrictd'", "did you mean 'restricted'?"),
    ),
    "parentheses around one comparison only": (
        rule("(deal.discount > percent(15)) | deal.margin < percent(22)"),
        (6, "deal.margin is not a rule that could be joined", PARENTHESES),
    ),
    "a number beside |": (
        rule("deal.payment_days > 45 | deal.margin < percent(22)"),
        (
            6,
            "deal.margin stands beside & or | without being compared: these bind tighter than < and >",
            PARENTHESES,
        ),
    ),
    "two bounds at once": (
        rule("percent(15) < deal.discount < percent(30)"),
        (
            6,
            "a comparison begins with the fact",
            "write deal.discount > percent(15); two bounds are two comparisons joined with &, each in parentheses",
        ),
    ),
    "not instead of ~": (rule("not deal.discount > percent(15)"), (6, NOT_JOINED, JOIN)),
    "a fact as a rule": (
        rule("deal.amount"),
        (
            6,
            "deal.amount is a fact, not yet a rule",
            "compare it, as in deal.amount > usd(10_000), or deal.amount.is_set()",
        ),
    ),
    "a function as a rule": (
        rule("lambda deal: deal.amount > usd(5)"),
        (6, "a lambda is not a rule", "compare a fact, as in deal.discount > percent(15)"),
    ),
    "a comma behind a rule": (
        f"{IMPORTS}large = deal.discount > percent(15),\nCall(create_project, when=large)\n",
        (5, "a comma behind a rule makes a tuple of it", "take the comma away where the rule is named"),
    ),
    "a comma behind a flow": (
        f'{IMPORTS}ours = Flow("ours", Stage("quote", Call(price_quote)), version=1),\n',
        (4, "a comma behind flow 'ours' makes a tuple of it", "take away the comma behind its last )"),
    ),
    "a comma missing before a parenthesis": (
        step("(Call(create_project)\n    (Call(create_project, name='again')))"),
        (6, "something is called that is no word: a comma is missing before this (", "put a comma between the two"),
    ),
    "a comma missing between two roles": (
        step(f'Approval("both", {ASKED})'.replace('"cfo"', '["cfo" "legal"]')),
        (6, "Approval 'both': nobody has the role 'cfolegal'", 'put a comma between "cfo" and "legal"'),
    ),
    "a parenthesis that is not closed": (
        f"{IMPORTS}ours = Flow(\n",
        (4, "not Python: this ( is never closed", "put its ) where it ends"),
    ),
    "a number as a time": (
        step('Approval("large", by="cfo", within=2, escalate_to="ceo", on_reject="quote")'),
        (6, "within=2 is no length of time", "write within=business_days(2)"),
    ),
    "half a day": (
        step('Approval("large", by="cfo", within=business_days(0.5), on_reject="quote")'),
        (6, "a time is counted in whole units, not in 0.5", "use a smaller unit, as in business_hours(4)"),
    ),
    "a parameter of another word": (
        step("Call(create_project, within=days(2))"),
        (6, "Call has no parameter 'within'", "it takes action, name, when, each, inputs, was"),
    ),
    "a parameter without its name": (
        step('Approval("large", "cfo", within=days(2))'),
        (
            6,
            "Approval: only the first parameter (name) may stand without its name",
            "name the others, as in by=..., within=..., escalate_to=...",
        ),
    ),
    "no version": (
        f'{IMPORTS}ours = Flow("ours", Stage("quote", Call(price_quote)))\n',
        (4, "Flow lacks version=", "add version=1"),
    ),
    "lost without a reason": (
        step('Approval("large", by="cfo", within=days(2), on_reject=lost())'),
        (6, "lost lacks reason", 'write lost("the reason")'),
    ),
    "an action by its name": (
        step('Call("create_project")'),
        (
            6,
            'Call takes an action, and "create_project" is none',
            "import one, as in from activities.catalog import create_project, and write Call(create_project)",
        ),
    ),
    "an input the action does not have": (
        step('Call(create_project, inputs={"accont": deal.account})'),
        (6, "create_project has no input 'accont'", "its inputs are account, title, scope"),
    ),
    "a percentage with its sign": (
        rule('deal.discount > percent("20 %")'),
        (6, "percent('20 %') is no number", "write the digits alone: percent(20)"),
    ),
    "a sum with commas": (
        rule('deal.amount > usd("$500,000.50")'),
        (6, "usd('$500,000.50') is no number", 'write the digits alone: usd("500000.50")'),
    ),
    "a sum with points": (
        rule('deal.amount > usd("500.000")'),
        (6, "usd('500.000') has more than two digits behind the point", 'write usd(500_000) or usd("500.00")'),
    ),
    "the manager of nobody": (
        asked("managers(0)"),
        (6, "managers(0) is nobody's manager", "write managers(1) for the owner's own manager"),
    ),
    "a sum in words": (
        rule('deal.amount > usd("half a million")'),
        (6, "usd('half a million') is no number", "write the digits alone, as in usd(15)"),
    ),
    "others without brackets": (
        step(f'Approval("first", {ASKED}), Approval("large", {ASKED}, not_same_as="first")'),
        (6, "not_same_as takes a list of names", "write not_same_as=['first']"),
    ),
    "covers with a text": (
        step(f'Approval("large", {ASKED}, covers=["discount"])'),
        (6, 'covers takes facts, and "discount" is none', "write deal.discount"),
    ),
    "covers without brackets": (
        step(f'Approval("large", {ASKED}, covers=deal.discount)'),
        (6, "covers takes a list of facts", "write covers=[deal.discount]"),
    ),
    "a word without its parentheses": (
        step(f'Approval("large", {ASKED.replace(chr(34) + "cfo" + chr(34), "managers")})'),
        (
            6,
            "managers without its parentheses is nobody to ask",
            NOBODY,
        ),
    ),
    "need that is neither": (
        step(f'Approval("large", {ASKED}, need="both")'),
        (6, "Approval: need cannot be 'both'", "need takes int | Literal['any', 'all']"),
    ),
    "calculating with a fact": (
        rule("deal.amount * 2 > usd(10_000)"),
        (
            6,
            "a fact cannot be calculated with: its value is not known when the flow is written",
            "let an action work it out, and compare what it writes",
        ),
    ),
    "looping over a fact": (
        f"{IMPORTS}steps = [Call(create_project, name=line.key) for line in deal.lines]\n",
        (
            4,
            "a deal's list is not known when the flow is written",
            "write each=deal.lines on a Call or Subflow, or let an action look through it",
        ),
    ),
    "counting a fact": (
        rule("len(deal.lines) > 3"),
        (
            6,
            "a deal's list is not known when the flow is written",
            "write each=deal.lines on a Call or Subflow, or let an action look through it",
        ),
    ),
    "a method that facts do not have": (
        rule("deal.goals.is_known()"),
        (
            6,
            "a fact can only be compared, and has no such method",
            "compare it with > >= < <= where it is Ordered, else write .is_(...), .one_of(...) or .is_set()",
        ),
    ),
    "a fact that is called": (rule("deal.goals()"), (6, "a fact is not called", "take away the parentheses behind it")),
    "a table that lists facts": (
        asked('table("t", deal.amount, match="first")'),
        (
            6,
            "table 't': deal.amount is no row",
            'write row("cfo", when=deal.amount > usd(100_000)); the facts are read off the rules',
        ),
    ),
    "a table without rows": (
        asked('table("t", match="first")'),
        (6, "table 't' names nobody", 'give it rows, such as row("cfo", when=deal.amount > usd(100_000))'),
    ),
    "a row without a table": (
        asked('row("cfo")'),
        (6, "a row stands outside of its table", 'write table("...", row(...), match="first") around it'),
    ),
    "a table in a row": (
        asked('table("t", row(table("u", row("cfo"), match="all")), match="all")'),
        (6, "a row names table 'u'", "write the rows of that table here, or name people"),
    ),
    "a row for nobody": (
        asked('table("t", row([]), match="all")'),
        (6, "a row names nobody", 'name a role, as in row("cfo", when=deal.amount > usd(100_000))'),
    ),
    "a row whose rule has no name": (
        asked('table("t", row("cfo", deal.amount > usd(5)), match="all")'),
        (
            6,
            "row: only the first parameter (by) may stand without its name",
            "name the others, as in when=..., since=..., until=...",
        ),
    ),
    "a row that ends before it begins": (
        asked('table("t", row("cfo", since=date(2027, 2, 1), until=date(2027, 1, 1)), match="all")'),
        (6, "the row ends on 2027-01-01 before it begins on 2027-02-01", "correct since= or until="),
    ),
    "a day as a text": (
        asked('table("t", row("cfo", since="2027-02-01"), match="all")'),
        (6, "since='2027-02-01' is no day", "write since=date(2027, 1, 1)"),
    ),
    "a third way to choose": (
        asked('table("t", row("cfo"), match="best")'),
        (6, "table 't': match='best' is no way to choose", 'write match="first" or match="all"'),
    ),
    "a person without a name": (
        asked('person("")'),
        (6, "'' is nobody's id", 'write the id of a person, as in person("dana")'),
    ),
    "hours of nobody": (
        step(f'Approval("large", {ASKED}, hours="theirs")'),
        (
            6,
            "hours='theirs' are nobody's working hours",
            'write hours="company", hours="person", or hours=calendar("Asia/Tokyo", "9:00-17:00")',
        ),
    ),
    "a zone that does not exist": (
        step(f'Approval("large", {ASKED}, hours=calendar("Asia/Tokio"))'),
        (6, "there is no zone 'Asia/Tokio'", "did you mean 'Asia/Tokyo'?"),
    ),
    "a calendar without working hours": (
        step(f'Approval("large", {ASKED}, hours=calendar("Asia/Tokyo", {{}}))'),
        (
            6,
            "a calendar without working hours would never let anything fall due",
            'write hours="9:00-17:00", or {"mon": "9-12, 13-17", "sat": "9-12"}',
        ),
    ),
    "a day of no week": (
        step(f'Approval("large", {ASKED}, hours=calendar("Asia/Tokyo", {{"mo": "9-17"}}))'),
        (6, "'mo' is no day", "the days are mon, tue, wed, thu, fri, sat, sun"),
    ),
    "hours that are none": (
        step(f'Approval("large", {ASKED}, hours=calendar("Asia/Tokyo", "9 to 5"))'),
        (6, "'9 to 5' are no hours", 'write "9:00-17:00", or {"mon": "9-12, 13-17", "sat": "9-12"}'),
    ),
    "three administrators": (
        step(f'Approval("large", {ASKED}, override="three")'),
        (6, "override='three' is no number of administrators", 'write override="one", "two" or "none"'),
    ),
    "steps before the rule": (
        step("When(Call(create_project), deal.amount > usd(5))"),
        (6, "Call 'create_project' is not a rule", "compare a fact, as in deal.discount > percent(15)"),
    ),
    "a rule as a step": (
        step("deal.amount > usd(5)"),
        (4, "a rule stands where a step is expected", "write when=... before it, or When(rule, steps)"),
    ),
}


def found_in(folder: Path, text: str) -> list[Finding]:
    (folder / "ours.py").write_text(text)
    return load(folder, templates=template_specs(load_templates()), shipped=False).check()


@pytest.mark.parametrize("mistake", [*LIKELIEST, *OTHERS])
def test_a_mistake_is_told_with_its_line_and_what_to_write_instead(tmp_path: Path, mistake: str) -> None:
    text, (line, what, remedy) = {**LIKELIEST, **OTHERS}[mistake]
    [found, *more] = found_in(tmp_path, text)
    assert (found.line, found.what, found.remedy) == (line, what, remedy)
    assert Path(found.file).name == "ours.py"
    assert more == []


@pytest.mark.parametrize("mistake", [*LIKELIEST, *OTHERS])
def test_no_message_shows_how_the_language_is_made(tmp_path: Path, mistake: str) -> None:
    text, _ = {**LIKELIEST, **OTHERS}[mistake]
    for found in found_in(tmp_path, text):
        said = f"{found.what}; {found.remedy}"
        assert not any(word in said for word in ("Def", "kind=", "object at", "validation error", "positional")), said


def test_what_is_written_instead_is_right(tmp_path: Path) -> None:
    right = rule("(deal.discount > percent(15)) | (deal.margin < percent(25)) | deal.data_class.is_('restricted')")
    assert found_in(tmp_path, right) == []


def test_a_near_module_beside_the_flow_is_offered(tmp_path: Path) -> None:
    (tmp_path / "our_facts.py").write_text("from workflows.flows.facts import deal\n")
    [found] = found_in(tmp_path, "from our_fact import deal\n")
    assert (found.what, found.remedy) == ("there is no module 'our_fact'", "did you mean 'our_facts'?")


def test_a_mistake_on_a_line_of_its_own_within_a_long_step_is_told_there(tmp_path: Path) -> None:
    text = step(
        'Approval(\n        "large",\n        by="cfo",\n        within="2 days",\n        on_reject="quote",\n    )'
    )
    [found] = found_in(tmp_path, text)
    assert (found.line, found.remedy) == (6, "write within=days(2)")
    text = step(
        'Approval(\n        "large",\n        by="cfo",\n        within=days(2),\n        when=deal.amount > 5,\n    )'
    )
    [found] = found_in(tmp_path, text)
    assert (found.line, found.remedy) == (10, "write usd(5)")
