"""A document as its sections: what each begins with, and which changed since another version of it was signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

HEADINGS = frozenset({"h1", "h2", "h3"})
SILENT = frozenset({"style", "script", "title", "head"})


@dataclass
class Section:
    """One section: its heading and its words."""

    heading: str
    text: str = ""


@dataclass(frozen=True)
class Sheet:
    """A section as the page shows it."""

    heading: str
    begins: str
    lines: int
    changed: str
    """"changed" or "new" against the other version, "unchanged", or nothing where there is no other."""


@dataclass
class _Reader(HTMLParser):
    sections: list[Section] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._in_heading = False
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in SILENT:
            self._silent += 1
        elif tag in HEADINGS:
            self._in_heading = True
            self.sections.append(Section(""))
        elif self.sections and tag in {"p", "li", "td", "th", "div", "tr", "br"}:
            self.sections[-1].text += " "

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in HEADINGS:
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._silent or not self.sections:
            return
        if self._in_heading:
            self.sections[-1].heading += data
        else:
            self.sections[-1].text += data


def sections(html: str) -> list[Section]:
    """Return the sections of a document, each with its words in one line."""
    reader = _Reader()
    reader.feed(html)
    return [
        Section(" ".join(s.heading.split()), " ".join(s.text.split())) for s in reader.sections if s.heading.strip()
    ]


def sheets(now: str, before: str | None) -> list[Sheet]:
    """Return a document's sections, each compared with that of the same heading in the other version."""
    then = {each.heading: each.text for each in sections(before)} if before is not None else None
    return [
        Sheet(each.heading, _begin(each.text), min(12, 2 + len(each.text) // 60), _changed(each, then))
        for each in sections(now)
    ]


def moved(pages: Sequence[Sheet]) -> int:
    """Return how many sections are not what they were."""
    return sum(each.changed in {"changed", "new"} for each in pages)


def _changed(section: Section, then: dict[str, str] | None) -> str:
    if then is None:
        return ""
    if section.heading not in then:
        return "new"
    return "unchanged" if then[section.heading] == section.text else "changed"


def _begin(text: str) -> str:
    return text if len(text) <= 70 else text[:70].rsplit(" ", 1)[0] + " …"
