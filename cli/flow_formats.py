"""Findings in flows as people read them, as GitHub shows them beside the code, and as SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from workflows.checks import Finding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(found: Sequence[Finding], flows: int) -> str:
    """Return findings for people, with how many there are below."""
    lines = [
        f"{_shown(each.file)}:{each.line}: {each.severity}: {each.what} [{each.code}]\n  {each.why}\n  {each.remedy}"
        for each in found
    ]
    return "\n".join([*lines, _summary(found, flows)])


def as_json(found: Sequence[Finding]) -> str:
    """Return findings as a JSON list."""
    return json.dumps([each._asdict() for each in found], indent=2)


def as_github(found: Sequence[Finding]) -> str:
    """Return findings as workflow commands, which GitHub shows as annotations."""
    return "\n".join(
        f"::{each.severity} file={_escaped(_shown(each.file), ':,')},line={each.line},title={_escaped(each.code, ':,')}"
        f"::{_escaped(f'{each.what}{chr(10)}{each.why}{chr(10)}{each.remedy}')}"
        for each in found
    )


def as_sarif(found: Sequence[Finding]) -> str:
    """Return findings as one SARIF run, with the rules they broke."""
    from workflows.checks import CODES

    codes = sorted({each.code for each in found})
    rules = [
        {
            "id": code, "name": code, "shortDescription": {"text": CODES[code].title},
            "fullDescription": {"text": CODES[code].why}, "defaultConfiguration": {"level": CODES[code].severity},
            "help": {"text": f"{CODES[code].why} See docs/checks.md, {code}."},
        }
        for code in codes
    ]  # fmt: skip
    run = {
        "tool": {"driver": {"name": "throughline flow check", "semanticVersion": _version(), "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    shown = _shown(finding.file)
    place: dict[str, Any] = {"uri": quote(Path(shown).as_posix()), "uriBaseId": "%SRCROOT%"}
    if Path(shown).is_absolute():
        place = {"uri": Path(shown).as_uri()}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": f"{finding.what}. {finding.why} To mend it: {finding.remedy}."},
        "locations": [{"physicalLocation": {"artifactLocation": place, "region": {"startLine": max(finding.line, 1)}}}],
    }


def _summary(found: Sequence[Finding], flows: int) -> str:
    errors = sum(each.severity == "error" for each in found)
    counted = [_counted(errors, "mistake")]
    counted += [_counted(len(found) - errors, "warning")] if len(found) > errors else []
    return f"{_counted(flows, 'flow')} checked, {', '.join(counted)}"


def _counted(n: int, thing: str) -> str:
    return f"{n or 'no'} {thing}{'s' * (n != 1)}"


def _escaped(text: str, also: str = "") -> str:
    """Return what GitHub reads as `text`: its own signs are written as their codes."""
    for sign in "%\r\n" + also:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _shown(file: str) -> str:
    from cli.flow import short

    return short(file)


def _version() -> str:
    try:
        return version("throughline")
    except PackageNotFoundError:
        return "0.0.0"
