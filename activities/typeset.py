"""Typeset one document; run as a process of its own, which can be bounded and killed.

Reads one JSON job from standard input and writes one JSON result to standard output. Values never stand in the text
of the document: `finalize` replaces each by a reference into an array of string literals, so nothing in a value can
be read as markup or code, wherever a template author puts it.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

_REFERENCE = "#throughline-values.at({});"
_REFERENCES = re.compile(r"#throughline-values\.at\((\d+)\);")
# Control characters have no shape on paper; overrides of the reading direction could make a contract read otherwise.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


class Source(str):
    """A piece of the document's own source: clause texts that were rendered already."""

    __slots__ = ()


class Broken(Exception):
    """What went wrong, by the name of the error the caller raises."""

    def __init__(self, error: Literal["missing", "template", "unprintable"], message: str) -> None:
        super().__init__(message)
        self.error = error


def source_of(text: str, clauses: list[dict[str, str]], variables: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the document's source, in which values are references, and the values."""
    from jinja2 import StrictUndefined, TemplateError, UndefinedError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    values: list[str] = []

    def reference(value: Any) -> str:
        if isinstance(value, Source):
            return value
        if value is None:
            raise UndefinedError("a value is empty")
        shown = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        values.append(_INVISIBLE.sub("", shown))
        return _REFERENCE.format(len(values) - 1)

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=reference, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.globals = {"range": environment.globals["range"]}
    by_section: dict[str, list[Source]] = {}
    place = "the template"
    try:
        for clause in clauses:
            place = f"clause {clause['name']}"
            rendered = environment.from_string(clause["text"]).render(variables)
            by_section.setdefault(clause["section"], []).append(Source(rendered))
        place = "the template"
        return environment.from_string(text).render({**variables, "clauses": by_section}), values
    except UndefinedError as missing:
        raise Broken("missing", f"{place}: {missing.message}") from missing
    except TemplateError as wrong:
        line = getattr(wrong, "lineno", None)
        raise Broken("template", f"{place}{f', line {line}' if line else ''}: {wrong.message}") from wrong


def resolved(source: str, values: list[str]) -> str:
    """Return the source with its values in place, to compare texts; never to typeset.

    The marks around a value keep it from looking like a heading.
    """
    return _REFERENCES.sub(lambda found: f"‹{values[int(found[1])]}›".replace("\n", " "), source)


def typeset(source: str, values: list[str], dated: date) -> tuple[bytes, bytes]:
    """Return the PDF (PDF/A-2b) and the HTML of one source."""
    import typst

    if re.search(r"(import|include)\s+\"@", source):
        raise Broken("template", "packages would be fetched from the network; copy what you need into the template")
    literals = "".join(f'"{value.translate(_ESCAPES)}",' for value in values)
    today = f"datetime(year: {dated.year}, month: {dated.month}, day: {dated.day})"
    whole = f"#set document(date: {today});#let throughline-values = ({literals})\n{source}".encode()
    seconds = (dated - date(1970, 1, 1)).days * 86_400
    with tempfile.TemporaryDirectory() as nothing:
        # An empty root and no packages: a template can read no file. Only the embedded fonts: same bytes everywhere.
        compiler = typst.Compiler(
            root=nothing, ignore_system_fonts=True, package_path=nothing, package_cache_path=nothing
        )
        try:
            pdf = compiler.compile(whole, format="pdf", pdf_standards="a-2b", timestamp=seconds)
            html = compiler.compile(whole, format="html", timestamp=seconds)
        except typst.TypstError as wrong:
            unprintable = "could not be displayed" in wrong.message  # PDF/A has no blank boxes
            said = wrong.message if unprintable else "; ".join([wrong.message, *wrong.hints])
            raise Broken("unprintable" if unprintable else "template", said) from wrong
    if not (isinstance(pdf, bytes) and isinstance(html, bytes)):
        raise Broken("template", "the document has no page")
    return pdf, html


def run(job: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out one job; what is wrong with it comes back as a value."""
    try:
        source, values = source_of(job["text"], job["clauses"], job["variables"])
        pdf, html = typeset(source, values, date.fromisoformat(job["dated"]))
    except Broken as broken:
        return {"error": broken.error, "message": str(broken)}
    encoded = {"pdf": base64.b64encode(pdf).decode(), "html": base64.b64encode(html).decode()}
    return {"source": resolved(source, values), **encoded}


def _bounded(seconds: int, megabytes: int) -> None:
    import resource

    for what, bound in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, megabytes * 1024 * 1024)):
        try:
            resource.setrlimit(what, (bound, bound))
        except (ValueError, OSError):  # macOS refuses to bound memory; the time bound still holds
            continue


if __name__ == "__main__":
    _bounded(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps(run(json.load(sys.stdin))))
