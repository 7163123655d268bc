"""The flows on offer: those that are shipped and those of a company's folders, with everything they use pinned."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from activities.catalog import CATALOG
from models.facts import DealFacts, FactSpec
from models.flow import FlowDef, SubflowDef
from models.pinned import PacketSpec, TemplateSpec
from models.rules import Facts, Rates, holds, printed
from workflows.binding import bind
from workflows.checks import FATAL, ROLES, Finding, Menu, check, described, never_chosen, shape
from workflows.flows import FLOWS
from workflows.flows.packets import PACKETS
from workflows.mistakes import told
from workflows.versions import SHIPPED, Releases, Version

COMPANY_CURRENCY: Rates = {"USD": Decimal(1)}
_ACTIONS = {action.name: action.spec() for action in CATALOG}
_INPUTS = {action.name: action.takes() for action in CATALOG}
_VALID_DAYS = {action.name: action.valid_days for action in CATALOG if action.valid_days is not None}


class NoFlow(LookupError):
    """No flow takes the deal; the text says which were asked."""


@dataclass(frozen=True)
class Library:
    """What was loaded. `every` holds all flows bound, `flows` those a new deal can get, in the order they are tried."""

    every: tuple[FlowDef, ...] = ()
    flows: tuple[FlowDef, ...] = ()
    findings: tuple[Finding, ...] = ()
    menu: Menu = field(default_factory=Menu)
    properties: Mapping[str, str] = field(default_factory=dict)
    """Fact -> property of the CRM, as facts.py of company folders say."""
    releases: tuple[Releases, ...] = ()
    """What was released, folder by folder."""
    shapes: tuple[tuple[Finding, ...], ...] = ()
    """What is wrong with each of `every`, whoever the people are."""

    def choose(self, facts: Facts, rates: Rates = COMPANY_CURRENCY, name: str | None = None) -> FlowDef:
        """Return the first flow that takes the deal, or the named one. Raises NoFlow."""
        if name is not None:
            for flow in self.flows:
                if flow.name == name:
                    return flow
            raise NoFlow(f"there is no flow {name!r} on offer; there are {', '.join(f.name for f in self.flows)}")
        for flow in self.flows:
            if flow.takes is None or holds(flow.takes, facts, rates):
                return flow
        asked = [f"{f.name} ({printed(f.takes, facts, rates)})" for f in self.flows if f.takes is not None]
        raise NoFlow(f"no flow takes the deal; asked were {', '.join(asked) or 'none, since none is on offer'}")

    @property
    def facts(self) -> dict[str, FactSpec]:
        """Every fact that a flow on offer knows; of two that share a path, the one of the flow tried first."""
        found: dict[str, FactSpec] = {}
        for flow in self.flows:
            found = {**flow.facts, **found}
        return found

    @cached_property
    def released(self) -> dict[tuple[str, int], FlowDef]:
        """Every released version that can still be loaded, by name and number, whether on offer or not."""
        return {key: flow for each in reversed(self.releases) for key, flow in each.definitions.items()}

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return every version of a flow, newest first: as its file says it, else as it was released."""
        days = {n: print_.released for each in self.releases for n, print_ in each.prints.get(name, {}).items()}
        found = {number: flow for (known, number), flow in self.released.items() if known == name}
        found |= {flow.version: flow for flow in self.every if flow.name == name}
        return tuple(Version(name, n, days.get(n), found[n]) for n in sorted(found, reverse=True))

    def check(self, roles: Iterable[str] = ROLES, people: Mapping[str, frozenset[str]] | None = None) -> list[Finding]:
        """Return everything that is wrong, with what could not be loaded and with every flow.

        `people` says who has which role; then gates are tried with them, and `roles` are theirs.
        """
        menu = self.menu._replace(roles=frozenset(roles if people is None else people), people=people)
        shaped = zip(self.every, self.shapes, strict=True)
        found = [*self.findings, *(finding for flow, known in shaped for finding in check(flow, menu, known))]
        found += never_chosen(self.flows)
        return [described(each) for each in (*found, *(f for kept in self.releases for f in kept.findings(self.every)))]


class _Written(NamedTuple):
    """A flow as written, with the facts its module uses."""

    flow: FlowDef
    facts: DealFacts


def load(
    places: Path | Sequence[Path] | None = None,
    *,
    templates: Mapping[str, TemplateSpec],
    shipped: bool = True,
) -> Library:
    """Load the flows of company folders (or single files) and the shipped ones. Never raises for what is in them.

    A company's flows are tried before the shipped ones, which take every deal.
    """
    wanted = [] if places is None else [places] if isinstance(places, Path) else list(places)
    written: list[_Written] = []
    findings: list[Finding] = []
    packets: dict[str, PacketSpec] = dict(PACKETS)
    properties: dict[str, str] = {}
    for place in wanted:
        with _reachable(place) as modules:
            for module in _imported(modules, findings):
                packets.update(getattr(module, "PACKETS", {}))
                properties.update(getattr(module, "PROPERTIES", {}))
                written += _flows_of(module, modules, findings)
    if shipped:
        written += _shipped()
    every = _bound(written, templates, packets, findings)
    menu = Menu(frozenset(_ACTIONS), frozenset(templates), frozenset(packets), inputs=_INPUTS, valid_days=_VALID_DAYS)
    shapes = tuple(tuple(shape(flow, menu)) for flow in every)
    broken = {
        f.flow for flow, known in zip(every, shapes, strict=True) for f in check(flow, menu, known) if f.code in FATAL
    }
    sound = [flow for flow in every if f"{flow.name} version {flow.version}" not in broken]
    unique = tuple(dict.fromkeys(findings))
    folders = dict.fromkeys([*(_folder(place) for place in wanted), *([SHIPPED] if shipped else [])])
    releases = tuple(Releases(folder) for folder in folders)
    return Library(tuple(every), _newest(sound), unique, menu, properties, releases, shapes)


def _folder(place: Path) -> Path:
    place = place.resolve()
    return place.parent if place.is_file() else place


def _newest(flows: Iterable[FlowDef]) -> tuple[FlowDef, ...]:
    found: dict[str, FlowDef] = {}
    for flow in flows:
        if flow.name not in found or flow.version > found[flow.name].version:
            found[flow.name] = flow
    return tuple(found.values())


class _Modules(NamedTuple):
    folder: Path
    files: tuple[Path, ...]
    only: Path | None


@contextlib.contextmanager
def _reachable(place: Path) -> Iterator[_Modules]:
    """Let the files of a folder import each other by name, and leave no trace of that afterwards."""
    place, folder = place.resolve(), _folder(place)
    files = tuple(sorted(path for path in folder.glob("*.py") if not _aside(path.stem)))
    before, wrote = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    # A file that is edited twice within a second would else be read from its old byte code.
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield _Modules(folder, files, place if place.is_file() else None)
    finally:
        sys.path[:], sys.dont_write_bytecode = before, wrote
        for path in files:
            if _own(path):
                del sys.modules[path.stem]


def _aside(name: str) -> bool:
    """Whether a file of a flow folder is there for Python or pytest, and holds no flow."""
    return name in {"__init__", "conftest"} or name.startswith("test_")


def _own(path: Path) -> bool:
    """Whether the module of this name was imported from the folder."""
    module = sys.modules.get(path.stem)
    return module is not None and getattr(module, "__throughline__", False) is True


def _imported(modules: _Modules, findings: list[Finding]) -> Iterator[ModuleType]:
    for path in modules.files:
        if modules.only not in (None, path) and not _shares(path):
            continue
        taken = _taken(path, modules.folder)
        if taken:
            findings.append(Finding("name_taken", str(path), 1, f"{path.name} hides {taken}", "rename the file"))
            continue
        if not path.stem.isidentifier():
            what = f"{path.name} cannot be imported: its name is not a Python name"
            findings.append(Finding("name_taken", str(path), 1, what, f"rename it to {path.stem.replace('-', '_')}.py"))
            continue
        try:
            module = importlib.import_module(path.stem)
        except (Exception, SystemExit) as wrong:  # noqa: BLE001 (whatever an author's file does, the others still load)
            findings.append(_not_imported(wrong, path, modules))
            continue
        finally:
            _mark(modules)
        yield module


def _shares(path: Path) -> bool:
    """Whether a file holds what flows use without importing it; no other file beside a single one is run."""
    return any(name in path.read_text("utf-8", "replace") for name in ("PACKETS", "PROPERTIES"))


def _mark(modules: _Modules) -> None:
    """Remember which modules are a folder's own, siblings that were imported by others included."""
    for path in modules.files:
        module = sys.modules.get(path.stem)
        if module is not None and Path(getattr(module, "__file__", None) or "/").parent == modules.folder:
            module.__dict__["__throughline__"] = True


def _taken(path: Path, folder: Path) -> str:
    """Return what a file of this name would hide from everybody else."""
    if path.stem in sys.stdlib_module_names:
        return f"Python's own {path.stem}"
    here = sys.path.pop(0)
    try:
        found = importlib.util.find_spec(path.stem) if path.stem not in sys.modules else sys.modules[path.stem].__spec__
    except (ImportError, ValueError):
        found = None
    finally:
        sys.path.insert(0, here)
    if found is None or (found.origin and Path(found.origin).resolve().parent == folder):
        return ""
    return f"the package {path.stem}"


def _not_imported(wrong: BaseException, path: Path, modules: _Modules) -> Finding:
    what, remedy = told(wrong, [each.stem for each in modules.files])
    if isinstance(wrong, SyntaxError) and wrong.filename:
        return Finding("not_python", wrong.filename, wrong.lineno or 1, what, remedy)
    frames = [f for f in traceback.extract_tb(wrong.__traceback__) if Path(f.filename).parent == modules.folder]
    file, line = (frames[-1].filename, frames[-1].lineno or 1) if frames else (str(path), 1)
    return Finding("not_imported", file, line, what, remedy)


def _flows_of(module: ModuleType, modules: _Modules, findings: list[Finding]) -> list[_Written]:
    """Return the flows a module defines; one that it only imports belongs to where it was written."""
    here = Path(module.__file__ or "")
    if modules.only is not None and here != modules.only:
        return []
    found: list[_Written] = []
    findings += _commas(module, here)
    for value in list(vars(module).values()):
        if not isinstance(value, FlowDef) or Path(value.file) != here:
            continue
        facts = _facts_in(module)
        if facts is None:
            what = f"flow {value.name!r} does not say which facts it is about"
            remedy = "import deal from your facts.py, or from workflows.flows.facts"
            findings.append(Finding("no_facts", value.file, value.line, what, remedy, value.name))
        elif all(value is not other.flow for other in found):
            found.append(_Written(value, facts))
    return found


def _commas(module: ModuleType, here: Path) -> Iterator[Finding]:
    """Find the flows that a comma behind their last parenthesis has made tuples of: nobody would see them."""
    every = list(vars(module).values())
    for value in every:
        match value:
            case (FlowDef() as flow,) if Path(flow.file) == here and all(other is not flow for other in every):
                what = f"a comma behind flow {flow.name!r} makes a tuple of it"
                yield Finding(
                    "not_bound", flow.file, flow.line, what, "take away the comma behind its last )", flow.name
                )


def _facts_in(module: ModuleType) -> DealFacts | None:
    named = vars(module).get("deal")
    if isinstance(named, DealFacts):
        return named
    return next((value for value in vars(module).values() if isinstance(value, DealFacts)), None)


def _shipped() -> list[_Written]:
    at = {module.__file__: module for name, module in list(sys.modules.items()) if name.startswith("workflows.flows.")}
    found = []
    for flow in FLOWS:
        facts = _facts_in(at[flow.file])
        assert facts is not None, flow.file
        found.append(_Written(flow, facts))
    return found


def _bound(
    written: Sequence[_Written],
    templates: Mapping[str, TemplateSpec],
    packets: Mapping[str, PacketSpec],
    findings: list[Finding],
) -> list[FlowDef]:
    known = {(each.flow.name, each.flow.digest): each for each in written}
    bound: dict[tuple[str, int], FlowDef] = {}

    def pinned(each: _Written) -> FlowDef:
        steps = [placed.step for placed in each.flow.steps.values()]
        children = {s.what: known[s.what, s.flow_digest] for s in steps if _child(s, known)}  # type: ignore[union-attr]
        return bind(
            each.flow,
            each.facts,
            actions=_ACTIONS,
            templates=templates,
            packets=packets,
            flows={name: pinned(child) for name, child in children.items()},
        )

    for each in written:
        flow = each.flow
        try:
            made = pinned(each)
        except Exception as wrong:  # noqa: BLE001 (an author's flow; the others still load)
            said = str(wrong).splitlines()[0]
            findings.append(
                Finding("not_bound", flow.file, flow.line, f"flow {flow.name!r}: {said}", "correct the flow", flow.name)
            )
            continue
        twin = bound.setdefault((flow.name, flow.version), made)
        if twin is not made and twin.digest != made.digest:
            what = f"{flow.name} version {flow.version} is written twice, the other one in {twin.file}:{twin.line}"
            remedy = f"give this one version={flow.version + 1}, or another name"
            findings.append(Finding("version_twice", flow.file, flow.line, what, remedy, flow.name))
    return list(bound.values())


def _child(step: object, known: Mapping[tuple[str, str], _Written]) -> bool:
    return isinstance(step, SubflowDef) and (step.what, step.flow_digest) in known
