"""Documents as a customer would get them: complete, repeatable, and safe whatever a deal's facts contain."""

import html
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.documents import Files, load_templates, render
from activities.pricing import Sold, SoldLine, quote_for, shipped_book
from activities.typeset import source_of
from models.document import (
    SOW_SECTIONS,
    DocumentError,
    Kind,
    MissingSection,
    MissingVariable,
    RenderTooLong,
    Template,
    TemplateBroken,
    TemplateManifest,
    WrongVariable,
    sections_of,
)
from models.money import percent, usd
from models.values import Digest, Text, Value, Whole, digest_of

DATED = date(2026, 11, 16)
QUOTE = quote_for(
    Sold(
        currency="USD",
        discount=percent(18),
        term_months=36,
        priced_on=DATED,
        lines=(
            SoldLine(key="1", sku="managed-workplace", quantity=Decimal(180)),
            SoldLine(key="2", sku="managed-network", quantity=Decimal(4)),
            SoldLine(key="3", sku="backup-recovery", quantity=Decimal(12)),
            SoldLine(key="4", sku="onboarding-migration", quantity=Decimal(1)),
        ),
    ),
    shipped_book(),
)
STORED = QUOTE.model_dump_json().encode()
FACTS: dict[str, Value] = {
    "account": Text(v="Corvane Logistics"),
    "signatory": Text(v="Miles Garrity <miles@corvane.example>"),
    "quote": Digest(sha256=digest_of(STORED), label="quote v1"),
    "scope": Digest(sha256=QUOTE.scope, label="scope"),
    "amount": QUOTE.totals.amount,
    "payment_days": Whole(v=60),
    "data_class": Text(v="restricted"),
}
RATES = {"USD": Decimal(1)}


def sow(**changed: Value | None) -> Files:
    facts = {name: value for name, value in {**FACTS, **changed}.items() if value is not None}
    template = load_templates()["sow/managed_services"]
    return render(template, facts, dated=DATED, contents={digest_of(STORED): STORED}, rates=RATES)


def small(text: str, manifest: str = "", **clauses: str) -> Template:
    plain = TemplateManifest(title="Letter", kind=Kind.OTHER, variables={"name": "text"}, sections=())
    return Template(name="letter", text=text, clauses=clauses, manifest=plain, sha256=digest_of(text.encode()))


def letter(text: str, name: str = "Ann", seconds: float = 15) -> Files:
    return render(small(text), {"name": Text(v=name)}, dated=DATED, seconds=seconds)


def shown(files: Files) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", files.html.decode().partition("<body>")[2])).split())


def test_a_statement_of_work_has_every_required_section_and_the_quotes_figures():
    files = sow()
    assert {*SOW_SECTIONS, "goals"} == {section.key for section in files.rendered.sections}
    assert files.pdf.startswith(b"%PDF-1.7")
    assert b"pdfaid:part" in files.pdf
    text = shown(files)
    for line in QUOTE.lines:
        assert line.name in text
        assert f"USD {line.price.amount:,}" in text
    assert "USD 409,107.84" in text
    assert "valid until 16 December 2026" in text


def test_the_same_input_gives_the_same_bytes_and_the_hashes_are_of_those_bytes():
    first, second = sow(), sow()
    assert (first.pdf, first.html, first.rendered) == (second.pdf, second.html, second.rendered)
    assert first.rendered.sha256_pdf == digest_of(first.pdf)
    assert first.rendered.sha256_html == digest_of(first.html)


def test_only_the_section_that_changed_has_another_hash():
    before, after = sow().rendered, sow(payment_days=Whole(v=30)).rendered
    changed = [a.key for a, b in zip(before.sections, after.sections, strict=True) if a.sha256 != b.sha256]
    assert changed == ["price-and-milestones"]
    assert before.sha256_pdf != after.sha256_pdf


def test_clauses_are_chosen_by_rules_over_the_facts():
    assert sow().rendered.clauses == ("backups", "restricted-data", "long-payment", "executive-review")
    assert sow(data_class=Text(v="internal"), payment_days=Whole(v=45), amount=usd(249_999)).rendered.clauses == (
        "backups",
    )
    without = sow(data_class=None, payment_days=None)
    assert without.rendered.clauses == ("backups", "executive-review")
    assert "restricted" not in shown(without)


HOSTILE = [
    '#panic("x")',
    '#read("/etc/passwd")',
    '"; #panic("x"); "',
    '\\", #panic("x"), "',
    "\\",
    "\\\\#x",
    "= Out of scope <out-of-scope>",
    "{{ 7 * 7 }}{% raw %}",
    "#throughline-values.at(0);",
    "$ x^2 $ *bold* _slanted_ `raw` // no comment /* none */ @label <label>",
    "]#panic()[",
    "line one\nline two\n= A heading",
    "a/*b*/c~d---e 'f' <script>alert(1)</script>",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_whatever_a_fact_contains_is_printed_and_never_obeyed(value: str):
    files = letter("{{ name }}\n\n*welcome {{ name }}*.\n\n= Next <next>\n\n#table([{{ name }}])\n", value)
    assert shown(files).count(" ".join(value.split())) == 3
    assert [section.key for section in files.rendered.sections] == ["next"]


EVIL = '" + read("/etc/hostname") + " ` */ #panic("x")\n#panic("y")'


@pytest.mark.parametrize(
    "place",
    [
        '#text("{{ name }}")',
        "\\{{ name }}",
        "`{{ name }}`",
        "// {{ name }}",
        "/* {{ name }} */",
        "https://example.com/{{ name }}",
        '#let x = "{{ name }}"\nText',
        "#[{{ name }}]",
        "{{ name }} <label>",
    ],
)
def test_a_careless_template_cannot_let_a_value_out_of_its_quotes(place: str):
    assert "Text" in shown(letter(f"Text\n\n{place}\n", EVIL))


@pytest.mark.parametrize("place", ["#({{ name }})", "#{{ name }}", "#let x = {{ name }}", "#f({{ name }})"])
def test_a_value_in_the_place_of_code_is_a_mistake_of_the_template(place: str):
    with pytest.raises(TemplateBroken, match=r"expected|unexpected|character|unknown|unclosed"):
        letter(place, EVIL)


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@settings(max_examples=300, deadline=None)
@given(printable)
def test_no_value_ever_stands_in_the_text_that_is_typeset(value: str):
    source, values = source_of("A {{ name }} B {% for x in [name] %}{{ x }}{% endfor %}", [], {"name": value})
    assert source == "A #throughline-values.at(0); B #throughline-values.at(1);"
    assert values == [value, value]


def test_invisible_characters_cannot_make_a_contract_read_otherwise():
    assert shown(letter("{{ name }}", "pay \u202e001\u202c now\x00")) == "pay 001 now"


def test_a_character_the_fonts_lack_is_named_instead_of_an_empty_box():
    with pytest.raises(WrongVariable, match="株"):
        letter("{{ name }}", "株式会社")


@pytest.mark.parametrize(
    "text", ['#read("../../../etc/passwd")', '#read("/etc/passwd")', '#image("/etc/passwd")', '#include "/etc/passwd"']
)
def test_a_template_reads_no_file(text: str):
    with pytest.raises(TemplateBroken, match=r"not found|denied|failed|sandbox"):
        letter(text)


def test_a_template_fetches_no_package():
    with pytest.raises(TemplateBroken, match="fetched from the network"):
        letter('#import "@preview/cetz:0.3.0"')


@pytest.mark.parametrize(
    "text", ["{{ ''.__class__.__mro__ }}", "{{ name.__init__.__globals__ }}", "{{ cycler.__init__ }}"]
)
def test_a_template_does_not_get_out_of_its_sandbox(text: str):
    with pytest.raises(DocumentError):
        letter(text)


@pytest.mark.parametrize("missing", ["account", "signatory", "quote", "scope", "amount"])
def test_a_missing_fact_is_named(missing: str):
    with pytest.raises(MissingVariable, match=missing) as caught:
        sow(**{missing: None})
    assert caught.value.names == (missing,)


def test_a_quote_that_is_not_stored_or_not_a_quote_is_named():
    with pytest.raises(MissingVariable, match="quote"):
        sow(quote=Digest(sha256="0" * 64))
    other = digest_of(b"{}")
    with pytest.raises(WrongVariable, match="does not hold a quote"):
        render(
            load_templates()["sow/managed_services"],
            {**FACTS, "quote": Digest(sha256=other)},
            dated=DATED,
            contents={other: b"{}"},
        )


def test_a_fact_of_another_type_is_refused():
    with pytest.raises(WrongVariable, match="payment_days is a text"):
        sow(payment_days=Text(v="sixty"))


def test_a_name_the_manifest_does_not_declare_is_missing():
    with pytest.raises(MissingVariable, match="surname"):
        letter("{{ surname }}")


@pytest.mark.parametrize("key", SOW_SECTIONS)
def test_a_statement_of_work_without_one_of_its_sections_is_not_made(key: str):
    template = load_templates()["sow/managed_services"]
    heading = re.search(rf"^= .*<{key}>$", template.text, re.MULTILINE)
    assert heading
    lacking = template.model_copy(update={"text": template.text.replace(heading[0], "")})
    with pytest.raises(MissingSection, match=key) as caught:
        render(lacking, FACTS, dated=DATED, contents={digest_of(STORED): STORED}, rates=RATES)
    assert caught.value.keys == (key,)


def test_a_section_with_nothing_below_its_heading_does_not_count():
    assert [s.key for s in sections_of("= A <a>\n\n// only a remark\n= B <b>\ntext\n== C <c>\n")] == ["b"]


def test_a_template_that_would_never_end_is_stopped():
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}x"
    with pytest.raises(RenderTooLong, match="letter took more than 1 s"):
        letter(endless, seconds=1)


def test_a_template_that_takes_all_memory_is_stopped():
    with pytest.raises(DocumentError, match="letter"):
        letter("{% set x = name * 3000000000 %}{{ x }}", "long", seconds=10)


def test_a_mistake_in_a_template_names_the_line():
    with pytest.raises(TemplateBroken, match="line 2"):
        letter("Dear\n{{ name")
    with pytest.raises(TemplateBroken, match="unknown variable: nothing"):
        letter("#nothing")


def company_template(folder: Path, manifest: str, text: str = "Hello {{ account }}") -> Path:
    place = folder / "letters" / "welcome"
    place.mkdir(parents=True)
    (place / "manifest.toml").write_text(manifest)
    (place / "template.typ.j2").write_text(text)
    return folder


LETTER = 'title = "Welcome"\nkind = "other"\n[variables]\naccount = "text"\n'


def test_a_company_folder_adds_templates_and_replaces_shipped_ones(tmp_path: Path):
    shipped = load_templates()
    company_template(tmp_path, LETTER)
    own = tmp_path / "sow" / "managed_services"
    own.mkdir(parents=True)
    (own / "manifest.toml").write_text(LETTER)
    (own / "template.typ.j2").write_text("Ours")
    loaded = load_templates([tmp_path])
    assert set(loaded) == {*shipped, "letters/welcome"}
    assert loaded["sow/managed_services"].sha256 != shipped["sow/managed_services"].sha256
    made = render(loaded["letters/welcome"], {"account": Text(v="Corvane")}, dated=DATED)
    assert shown(made) == "Hello Corvane"


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("title = ", "manifest.toml"),
        ('title = "x"\n', "variables"),
        (LETTER + "[surprise]\n", "surprise"),
        (LETTER + '[[clauses]]\nname = "a"\nsection = "b"\n', "add clauses/a.typ.j2"),
        (LETTER.replace('"text"', '"string"'), "variables.account.type"),
    ],
)
def test_a_wrong_manifest_says_where(tmp_path: Path, manifest: str, says: str):
    with pytest.raises(TemplateBroken, match=says):
        load_templates([company_template(tmp_path, manifest)])
