"""Released versions of flows: locked by fingerprint, kept for ever as definitions, compared with what files say now.

Two hashes are kept. `written` is of what the authors decide: stages, steps, rules, what approvals sign, forms, packets
and the facts that are read. It is locked: another content needs another version. `bound` is of the whole definition as
a deal carries it, actions, templates and unused facts included. It seals the stored file and may differ from what the
flow binds to today, since the catalog lives on; running deals keep theirs either way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from models.facts import FactSpec
from models.flow import FlowDef, digest_of_plain
from workflows.checks import Finding
from workflows.difference import Change, difference

SHIPPED = Path(__file__).parent / "flows"
FINGERPRINTS, RELEASED = "fingerprints.json", "released"
_TOLD = 3  # changes that a message says in full; the difference lists all


class Fingerprint(BaseModel):
    """What is locked of one released version."""

    model_config = ConfigDict(frozen=True)
    released: date
    written: str
    bound: str


class Version(NamedTuple):
    """One version of a flow: as a file says it now, as it was released, or both."""

    name: str
    number: int
    released: date | None
    flow: FlowDef


class NotReleased(ValueError):
    """A version cannot be released; the text says what to do."""


class Damaged(ValueError):
    """A stored definition is missing, edited or unreadable; the text says which."""


_PRINTS = TypeAdapter(dict[str, dict[int, Fingerprint]])
_READING = ("stages", "takes", "owner", "packets")
_FACTS = {"fact", "facts", "covers", "outputs", "each", "form", "until_date"}


class Releases:
    """The released versions of one folder. Reading never raises for what is in the files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.broken = ""
        self.prints: dict[str, dict[int, Fingerprint]] = {}
        try:
            self.prints = _PRINTS.validate_json(self.lock.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as wrong:
            self.broken = str(wrong).splitlines()[0]

    @property
    def lock(self) -> Path:
        """The file of the fingerprints."""
        return self.folder / FINGERPRINTS

    def file(self, name: str, number: int) -> Path:
        """Return where a released definition is kept."""
        return self.folder / RELEASED / f"{quote(name, safe='')}-v{number}.json"

    def definition(self, name: str, number: int) -> FlowDef:
        """Return a version as it was released. Raises Damaged."""
        file, known = self.file(name, number), self.prints[name][number]
        try:
            plain: Any = json.loads(file.read_bytes())
        except FileNotFoundError:
            raise Damaged(f"{RELEASED}/{file.name} is missing") from None
        except (OSError, ValueError) as wrong:
            raise Damaged(f"{RELEASED}/{file.name} cannot be read: {wrong}") from wrong
        if digest_of_plain(plain) != known.bound:
            raise Damaged(f"{RELEASED}/{file.name} is not what was released on {_day(known.released)}")
        try:
            return FlowDef.model_validate(plain)
        except ValidationError as wrong:
            raise Damaged(f"{RELEASED}/{file.name} cannot be loaded: {str(wrong).splitlines()[0]}") from wrong

    @cached_property
    def definitions(self) -> Mapping[tuple[str, int], FlowDef]:
        """Every released version that can be loaded."""
        found = {}
        for name, number in self._all():
            try:
                found[name, number] = self.definition(name, number)
            except Damaged:
                continue
        return found

    def edits(self, flow: FlowDef) -> tuple[Change, ...]:
        """Return what a flow says differently from its own version as released. Raises Damaged."""
        known = self.prints.get(flow.name, {}).get(flow.version)
        if known is None:
            return ()
        now = locked(flow)
        if now.digest == known.written:
            return ()
        # The hash of an older model may differ where the content does not; the definition decides.
        return difference(locked(self.definition(flow.name, flow.version)), now)

    def next_number(self, flow: FlowDef) -> int:
        """Return the version number that an edited flow should take."""
        return max([flow.version, *self.prints.get(flow.name, {})]) + 1

    def findings(self, flows: Iterable[FlowDef]) -> Iterator[Finding]:
        """Yield each released version that was edited or cannot be read, with what to do."""
        if self.broken:
            yield Finding(
                "release_damaged", str(self.lock), 1, f"the fingerprints cannot be read: {self.broken}",
                f"restore {FINGERPRINTS} from version control; only `throughline flow release` writes it",
            )  # fmt: skip
        for name, number in self._all():
            try:
                self.definition(name, number)
            except Damaged as wrong:
                yield Finding(
                    "release_damaged", str(self.file(name, number)), 1, str(wrong),
                    "restore it from version control; a released definition is never edited",
                    f"{name} version {number}",
                )  # fmt: skip
        for flow in flows:
            if Path(flow.file).resolve().parent == self.folder:
                yield from self._edited(flow)

    def _edited(self, flow: FlowDef) -> Iterator[Finding]:
        try:
            edits = self.edits(flow)
        except Damaged:
            return  # told already
        if edits:
            known = self.prints[flow.name][flow.version]
            line = next((edit.line for edit in edits if edit.line), flow.line)
            what = (
                f"{flow.name} version {flow.version} was released on {_day(known.released)}; "
                f"this file now says something else: {told(edits)}"
            )
            remedy = f"give it version={self.next_number(flow)}, or undo the edit"
            yield Finding("released_changed", flow.file, line, what, remedy, f"{flow.name} version {flow.version}")

    def _all(self) -> Iterator[tuple[str, int]]:
        return ((name, number) for name, numbers in self.prints.items() for number in numbers)


def locked(flow: FlowDef) -> FlowDef:
    """Return what a release locks of a bound flow: what its authors decide, nothing of the catalog or of templates."""
    parts = dict(flow) | {"facts": {}, "actions": {}, "templates": {}, "children": {}}
    plain = _unsealed(FlowDef(**parts).model_dump(mode="json"))
    used = sorted(set(_facts_in([plain[part] for part in _READING])) & set(flow.facts))
    facts = {path: _read(flow.facts[path]) for path in used}
    children = {name: locked(child) for name, child in flow.children.items()}
    return FlowDef.model_validate(plain | {"facts": facts, "children": children})


def release(flow: FlowDef, releases: Releases, on: date) -> bool:
    """Lock a bound flow and keep its definition; return whether that was news. Raises NotReleased."""
    name, number = flow.name, flow.version
    if releases.broken:
        raise NotReleased(f"{releases.lock} cannot be read: {releases.broken}; restore it from version control")
    try:
        edits = releases.edits(flow)
        if number in releases.prints.get(name, {}):
            releases.definition(name, number)
    except Damaged as wrong:
        raise NotReleased(
            f"{name} version {number} is released, but {wrong}; restore it from version control"
        ) from None
    if edits:
        day = _day(releases.prints[name][number].released)
        raise NotReleased(
            f"{name} version {number} was released on {day} with another content: {told(edits)}; "
            f"give it the next version number: version={releases.next_number(flow)}"
        )
    if number in releases.prints.get(name, {}):
        return False
    kept = flow.travelling()
    print_ = Fingerprint(released=on, written=locked(flow).digest, bound=kept.digest)
    prints = {**releases.prints, name: {**releases.prints.get(name, {}), number: print_}}
    plain = {
        known: {str(n): prints[known][n].model_dump(mode="json") for n in sorted(prints[known])}
        for known in sorted(prints)
    }
    # The definition first: a fingerprint without one would be a damaged release.
    _write(releases.file(name, number), kept.model_dump(mode="json"))
    _write(releases.lock, plain)
    releases.prints = prints
    releases.__dict__.pop("definitions", None)
    return True


def told(changes: Iterable[Change]) -> str:
    """Return the first changes as one text, and how many more there are."""
    words = [change.words for change in changes]
    more = len(words) - _TOLD
    return "; ".join(words[:_TOLD]) + (f"; and {more} more, see `throughline flow diff`" if more > 0 else "")


def _facts_in(plain: Any) -> Iterator[str]:
    """Yield what a dumped definition names where a fact is named."""
    if isinstance(plain, list):
        for each in plain:
            yield from _facts_in(each)
    elif isinstance(plain, dict):
        for key, value in plain.items():
            if key in _FACTS and isinstance(value, str | list):
                yield from [value] if isinstance(value, str) else value
            elif key in {"covered", "inputs"} and isinstance(value, dict):
                yield from value if key == "covered" else value.values()
            else:
                yield from _facts_in(value)


def _unsealed(plain: Any) -> Any:
    """Return a dump without the digests of other flows, which are locked by what they say."""
    if isinstance(plain, dict):
        return {key: "" if key == "flow_digest" else _unsealed(value) for key, value in plain.items()}
    return [_unsealed(each) for each in plain] if isinstance(plain, list) else plain


def _read(spec: FactSpec) -> FactSpec:
    """Return what a rule or a step depends on; which way it gets worse is in what approvals sign."""
    return FactSpec(path=spec.path, type=spec.type, source=spec.source, tracked=spec.tracked)


def _write(file: Path, plain: Any) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", "utf-8")
    fresh.replace(file)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
