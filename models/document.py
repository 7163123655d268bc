"""Documents: what a template reads, which clauses its rules choose, and the sections a document must have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.rules import Facts, Rates, Rule, facts_of, holds

SOW_SECTIONS = (
    "in-scope",
    "out-of-scope",
    "assumptions",
    "acceptance-criteria",
    "dependencies",
    "change-process",
    "price-and-milestones",
)
# A heading of the typeset source with its key: "== Out of scope <out-of-scope>".
_HEADING = re.compile(r"^=+ +(?P<title>.+?) +<(?P<key>[a-z][a-z0-9-]*)> *$", re.MULTILINE)
_NO_TEXT = re.compile(r"//[^\n]*|\s+")


class DocumentError(ValueError):
    """A document cannot be made; the message says what to change."""


class MissingVariable(DocumentError):
    """Facts the template reads are not set."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"the document needs {', '.join(self.names)}; fill it in and render again")


class WrongVariable(DocumentError):
    """A fact is not of the type the template declares."""


class MissingSection(DocumentError):
    """A section the document must have is absent or empty."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        super().__init__(f"the document lacks {', '.join(self.keys)}; add each section with text to the template")


class TemplateBroken(DocumentError):
    """The template or its manifest is wrong; nothing about the deal can repair it."""


class RenderTooLong(DocumentError):
    """Rendering went over its bound of time or memory."""


class Kind(StrEnum):
    """What kind of document it is, which decides the sections it must have."""

    SOW = "sow"
    OTHER = "other"


class VariableType(StrEnum):
    """What a variable holds; a quote is a digest of a stored quote."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    DIGEST = "digest"
    QUOTE = "quote"


class Variable(BaseModel):
    """A fact the template reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: VariableType
    optional: bool = False


class Clause(BaseModel):
    """A text of the clause library, put into `section` when its rule holds; without a rule, always."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    section: str
    when: Rule | None = None


class TemplateManifest(BaseModel):
    """What a template says about itself: its title, everything it reads, its sections and clauses."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    kind: Kind = Kind.SOW
    variables: dict[str, Variable]
    sections: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] = ()

    @field_validator("variables", mode="before")
    @classmethod
    def _short_form(cls, variables: Any) -> Any:
        if not isinstance(variables, dict):
            return variables
        return {name: {"type": found} if isinstance(found, str) else found for name, found in variables.items()}

    @property
    def required(self) -> tuple[str, ...]:
        """The sections a document made from it must have."""
        by_kind = SOW_SECTIONS if self.kind is Kind.SOW else ()
        return tuple(dict.fromkeys((*by_kind, *self.sections)))

    @property
    def reads(self) -> tuple[str, ...]:
        """The facts it reads, those of its clause rules included."""
        return tuple(self.variables)


class Template(BaseModel):
    """A template as loaded: its text, its clauses' texts by name, and one hash over all of it."""

    model_config = ConfigDict(frozen=True)
    name: str
    text: str
    clauses: dict[str, str]
    manifest: TemplateManifest
    sha256: str


class Section(BaseModel):
    """One section as rendered; the hash is of its text, so two versions can be compared section by section."""

    model_config = ConfigDict(frozen=True)
    key: str
    title: str
    sha256: str


class Rendered(BaseModel):
    """What is remembered of a rendered document; the bytes live by hash."""

    model_config = ConfigDict(frozen=True)
    template: str
    template_sha256: str
    title: str
    sha256_pdf: str
    sha256_html: str
    clauses: tuple[str, ...]
    sections: tuple[Section, ...]


def check_template(template: Template) -> None:
    """Raise TemplateBroken where manifest and clauses disagree, or a clause rule reads what is not declared."""
    manifest = template.manifest
    named = [clause.name for clause in manifest.clauses]
    if len(set(named)) != len(named):
        raise TemplateBroken(f"{template.name}: two clauses have the same name; rename one")
    for clause in manifest.clauses:
        if clause.name not in template.clauses:
            raise TemplateBroken(f"{template.name}: clause {clause.name} has no text; add clauses/{clause.name}.typ.j2")
        if clause.section not in manifest.required:
            raise TemplateBroken(f"{template.name}: clause {clause.name} goes into unknown section {clause.section}")
        undeclared = [
            fact for fact in (() if clause.when is None else facts_of(clause.when)) if fact not in manifest.variables
        ]
        if undeclared:
            raise TemplateBroken(
                f"{template.name}: clause {clause.name} reads {', '.join(undeclared)}; declare it under [variables]"
            )


def check_variables(manifest: TemplateManifest, facts: Facts) -> None:
    """Raise MissingVariable or WrongVariable unless `facts` hold everything the template reads, as declared."""
    missing = [name for name, wanted in manifest.variables.items() if name not in facts and not wanted.optional]
    if missing:
        raise MissingVariable(missing)
    for name, wanted in manifest.variables.items():
        expected = "digest" if wanted.type is VariableType.QUOTE else wanted.type.value
        if name in facts and facts[name].t != expected:
            raise WrongVariable(
                f"{name} is a {facts[name].t}, the template reads a {wanted.type}; correct its manifest"
            )


def chosen_clauses(manifest: TemplateManifest, facts: Facts, rates: Rates) -> tuple[Clause, ...]:
    """Return the clauses whose rule holds; a rule over an optional fact that is not set does not hold."""
    return tuple(
        clause for clause in manifest.clauses if clause.when is None or holds(clause.when, facts, rates) is True
    )


def sections_of(source: str) -> tuple[Section, ...]:
    """Return the keyed sections of a typeset source that have any text below their heading."""
    headings = list(_HEADING.finditer(source))
    found = []
    for heading, following in zip_longest(headings, headings[1:]):
        body = source[heading.end() : following.start() if following else len(source)]
        if _NO_TEXT.sub("", body):
            digest = sha256(body.strip().encode()).hexdigest()
            found.append(Section(key=heading["key"], title=heading["title"], sha256=digest))
    return tuple(found)


def check_sections(manifest: TemplateManifest, sections: Iterable[Section]) -> None:
    """Raise MissingSection unless every required section is there with text."""
    there = {section.key for section in sections}
    missing = [key for key in manifest.required if key not in there]
    if missing:
        raise MissingSection(missing)


def template_digest(text: str, manifest: TemplateManifest, clauses: Mapping[str, str]) -> str:
    """Return one hash over everything a template consists of."""
    parts = [text, manifest.model_dump_json(), *(f"{name}\0{clauses[name]}" for name in sorted(clauses))]
    return sha256("\0".join(sha256(part.encode()).hexdigest() for part in parts).encode()).hexdigest()
