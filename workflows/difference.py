"""What changed between two definitions of a flow, a sentence per change and none forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from models.flow import FlowDef, StageDef
from models.rules import Every, Rule
from workflows.difference_order import Placement, order_words, placements, shape, step_ids
from workflows.difference_pins import pinned_words
from workflows.difference_rules import rule_words
from workflows.difference_steps import VERBS, Ruled, birth_words, name_words, step_words
from workflows.difference_words import doing, instead, listed, said

Kind = Literal["added", "removed", "changed", "moved", "renamed"]


class Change(NamedTuple):
    """One thing that is different, with the step and stage it is about; `line` is where the new flow says it."""

    kind: Kind
    words: str
    step: str = ""
    stage: str = ""
    line: int = 0


class _Pairs(NamedTuple):
    """Two definitions with what belongs together in them: new key -> old key, renamed ones included."""

    old: FlowDef
    new: FlowDef
    before: Mapping[str, Placement]
    after: Mapping[str, Placement]
    steps: Mapping[str, str]
    stages: Mapping[str, str]


def difference(old: FlowDef, new: FlowDef) -> tuple[Change, ...]:
    """Return what is different in `new`, top to bottom; nothing exactly when only the version number differs."""
    if _content(old) == _content(new):
        return ()
    pairs = _pairs(old, new)
    found = [
        *_flow(old, new),
        *_stages(pairs),
        *_steps(pairs),
        *_orders(pairs),
        *(Change("changed", words, line=new.line) for words in pinned_words(old, new)),
        *_children(old, new),
    ]
    found += _written_otherwise(pairs, found)
    if not found:
        found = [Change("changed", f"flow {new.name} is written in another way and does the same", line=new.line)]
    return tuple(dict.fromkeys(found))


def _content(flow: FlowDef) -> str:
    return FlowDef(**(dict(flow) | {"version": 0})).digest


def _pairs(old: FlowDef, new: FlowDef) -> _Pairs:
    before, after = placements(old), placements(new)
    steps: dict[str, str] = {key: key for key in after if key in before}
    for key, placed in after.items():
        was = placed.step.was
        former = was if ":" in was else f"{placed.step.kind}:{was}"
        if key not in steps and was and former in before and former not in steps.values():
            steps[key] = former
    names = set(old.stage_names)
    stages = {stage.name: stage.name for stage in new.stages if stage.name in names}
    for stage in new.stages:
        if stage.name not in stages and stage.was in names and stage.was not in stages.values():
            stages[stage.name] = stage.was
    return _Pairs(old, new, before, after, steps, stages)


def _flow(old: FlowDef, new: FlowDef) -> Iterator[Change]:
    def changed(words: str) -> Change:
        return Change("changed", words, line=new.line)

    if old.name != new.name:
        yield Change("renamed", f"the flow is now called {new.name} instead of {old.name}", line=new.line)
    if old.takes != new.takes:
        yield changed(f"a deal {rule_words('taken', old.takes, new.takes)}")
    if old.owner != new.owner:
        yield changed(f"the flow's owner is now {instead(old.owner, new.owner)}")
    if old.completes != new.completes:
        yield changed(f"a deal that comes to the end is now {new.completes} instead of {old.completes}")


def _stages(pairs: _Pairs) -> Iterator[Change]:
    kept = set(pairs.stages.values())
    for stage in pairs.old.stages:
        if stage.name not in kept:
            yield Change("removed", f"stage {stage.name} is gone", stage=stage.name, line=pairs.new.line)
    for i, stage in enumerate(pairs.new.stages):
        former = pairs.stages.get(stage.name)
        if former is None:
            where = f"after stage {pairs.new.stages[i - 1].name}" if i else "as the first"
            skipped = f", skipped when {said(stage.skip_when)}" if stage.skip_when is not None else ""
            yield Change("added", f"stage {stage.name} is new, {where}{skipped}", stage=stage.name, line=stage.line)
            continue
        if former != stage.name:
            words = f"stage {former} is now called {stage.name}"
            yield Change("renamed", words, stage=stage.name, line=stage.line)
        for words in _stage_words(pairs.old.stage(former), stage):
            yield Change("changed", words, stage=stage.name, line=stage.line)
    order = [pairs.stages[stage.name] for stage in pairs.new.stages if stage.name in pairs.stages]
    now = {former: name for name, former in pairs.stages.items()}
    for i, former in _moved([s.name for s in pairs.old.stages if s.name in kept], order):
        where = f"after stage {now[order[i - 1]]}" if i else "first"
        name = now[former]
        yield Change("moved", f"stage {name} now comes {where}", stage=name, line=pairs.new.stage(name).line)


def _stage_words(old: StageDef, new: StageDef) -> Iterator[str]:
    name = f"stage {new.name}"
    if old.skip_when != new.skip_when:
        yield f"{name} {rule_words('skipped', old.skip_when, new.skip_when, unruled='never')}"
    routes = (("a no", "on_reject"), ("an expiry", "on_expire"), ("a declined signature", "on_decline"))
    for outcome, field in routes:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            ways = [said(route) if route is not None else "leads nowhere" for route in (after, before)]
            yield f"{outcome} in {name} now {ways[0]} instead of {doing(ways[1])}"
    if old.max_rework != new.max_rework:
        yield f"{name} may now be gone through again {instead(old.max_rework, new.max_rework)} times"
    if old.on_exhausted != new.on_exhausted:
        ways = [said(end) if end is not None else "asks a person" for end in (new.on_exhausted, old.on_exhausted)]
        yield f"rework of {name} that is used up now {ways[0]} instead of {doing(ways[1])}"
    if old.revise_within != new.revise_within:
        yield f"a revision that {name} is sent back for now has {instead(old.revise_within, new.revise_within)}"
    if new.was not in {old.was, old.name}:
        says = f"now says that it was called {new.was}" if new.was else f"no longer says that it was called {old.was}"
        yield f"{name} {says}"


def _steps(pairs: _Pairs) -> Iterator[Change]:
    kept = set(pairs.steps.values())
    for key, placed in pairs.before.items():
        if key not in kept:
            words = f"{name_words(placed.step)} is no longer {VERBS[placed.step.kind]}"
            yield Change("removed", words, placed.step.id, placed.stage, pairs.new.line)
    for key, placed in pairs.after.items():
        former = pairs.steps.get(key)
        step, stage = placed.step, placed.stage
        if former is None:
            yield Change("added", f"{birth_words(_ruled(placed))}, in stage {stage}", step.id, stage, step.line)
            continue
        old = pairs.before[former]
        if pairs.stages.get(stage) != old.stage:
            words = f"{name_words(step)} is now in stage {stage} instead of {old.stage}"
            yield Change("moved", words, step.id, stage, step.line)
        for words in step_words(_ruled(old), _ruled(placed)):
            kind: Kind = "renamed" if words.endswith(f"is now called {step.name}") else "changed"
            yield Change(kind, words, step.id, stage, step.line)


def _ruled(placed: Placement) -> Ruled:
    rules: tuple[Rule, ...] = placed.rules
    return Ruled(placed.step, None if not rules else rules[0] if len(rules) == 1 else Every(rules=rules))


def _orders(pairs: _Pairs) -> Iterator[Change]:
    for stage in pairs.new.stages:
        staying = {
            key: pairs.before[former]
            for key, former in pairs.steps.items()
            if pairs.after[key].stage == stage.name and pairs.stages.get(stage.name) == pairs.before[former].stage
        }
        for key, words in order_words(staying, {key: pairs.after[key] for key in staying}):
            step = pairs.after[key].step
            yield Change("moved", words, step.id, stage.name, step.line)


def _children(old: FlowDef, new: FlowDef) -> Iterator[Change]:
    for name in dict.fromkeys([*old.children, *new.children]):
        if name not in new.children:
            yield Change("removed", f"flow {name} is no longer carried along", line=new.line)
        elif name not in old.children:
            yield Change("added", f"flow {name} is now carried along", line=new.line)
        else:
            before, after = old.children[name], new.children[name]
            if before.version != after.version:
                words = f"flow {name} is now carried along in version {after.version} instead of {before.version}"
                yield Change("changed", words, line=new.line)
            for each in difference(before, after):
                yield each._replace(words=f"in flow {name}: {each.words}", line=new.line)


def _written_otherwise(pairs: _Pairs, found: list[Change]) -> Iterator[Change]:
    """Yield a change for each stage whose steps are only grouped in another way."""
    told = {change.stage for change in found if change.kind == "moved"}
    former = {pairs.after[key].step.id: pairs.before[old].step.id for key, old in pairs.steps.items()}
    for stage in pairs.new.stages:
        if stage.name not in pairs.stages or stage.name in told:
            continue
        old = pairs.old.stage(pairs.stages[stage.name])
        both = {new: was for new, was in former.items() if new in step_ids(stage) and was in step_ids(old)}
        if shape(stage, both) == shape(old, {was: was for was in both.values()}):
            continue
        names = listed(name_words(placed.step) for placed in pairs.after.values() if placed.step.id in both)
        words = f"stage {stage.name} groups its steps in another way: {names}"
        yield Change("moved", words, stage=stage.name, line=stage.line)


def _moved(old: list[str], new: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the names of `new`, with their places, that stand elsewhere among the others than in `old`."""
    best: list[list[str]] = [[]]
    for name in new:
        runs = [run for run in best if not run or old.index(run[-1]) < old.index(name)]
        best.append([*_longest(runs), name])
    stayed = set(_longest(best))
    return ((i, name) for i, name in enumerate(new) if name not in stayed)


def _longest(runs: list[list[str]]) -> list[str]:
    return max(runs, key=len)
