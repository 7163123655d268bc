"""The guarantees of semantics 57, as watchers over a deal: each looks at what one event did."""

from __future__ import annotations

from models.approval import worse
from models.deal import Status, base, instances
from models.flow import RenderDef, commits
from models.reading import reading
from models.rules import all_hold
from models.walk import stands


class Broken(AssertionError):
    """A guarantee of the walk does not hold."""


def settled(world, step_id, placed):
    """An independent reading of "settled": not called for, or what came of it still holds."""
    state = world.state
    if all_hold(placed.rules, state.facts, state.rates) is False:
        return True
    if getattr(placed.step, "advisory", False):
        return True
    ids = [i for i, exists in instances(placed.step, state) if exists]
    return all(stands(placed.step, state.record(i), reading(placed.step, i, state), state) for i in ids)


def earlier(world, step_id):
    """The steps of earlier stages: whatever the shape of a stage, all of them come before."""
    flow = world.flow
    stage = flow.stage_names.index(flow.steps[base(step_id)].stage.name)
    return [(i, p) for i, p in flow.steps.items() if flow.stage_names.index(p.stage.name) < stage]


def nothing_commits_early(world, before):
    for entry in world.state.outbox[before:]:
        if entry.step is None or entry.kind not in ("started", "signed") or entry.body.get("op") == "undo":
            continue
        placed = world.flow.steps[base(entry.step)]
        if not commits(placed.step) or world.state.record(entry.step).state is Status.INCIDENT:
            continue
        if entry.who != "throughline" and entry.kind == "started":
            continue  # a person's retry goes on with work that had begun
        unsettled = [i for i, p in earlier(world, entry.step) if not settled(world, i, p)]
        if unsettled:
            raise Broken(f"{entry.step} committed while {unsettled} stood before it")


def one_live_creation(world, _before):
    for step, live in world.created.items():
        if len(live) > 1:
            raise Broken(f"{step} was created {len(live)} times")


def asked_only_with_cause(world, before):
    state = world.state
    for entry in state.outbox[before:]:
        if entry.kind != "opened" or not entry.step or not entry.step.startswith("approval:"):
            continue
        record, step = state.record(entry.step), world.flow.steps[entry.step].step
        standing = {
            d.person
            for i, d in enumerate(record.decisions)
            if d.verdict == "yes" and not worse(step.covered, d.signed, record.read)
            # A no after it takes it back, also one at the same instant.
            and not any(o.person == d.person and o.verdict == "no" and (o.at > d.at or n > i)
                        for n, o in enumerate(record.decisions))
        }  # fmt: skip
        if len(standing) >= step.by[0].need:
            raise Broken(f"{entry.step} was asked again although {standing} had signed nothing better")


def signed_what_stands(world, before):
    for entry in world.state.outbox[before:]:
        if entry.kind == "signed" and entry.step:
            document = world.flow.steps[entry.step].step.document
            renders = [
                (i, p.step)
                for i, p in world.flow.steps.items()
                if isinstance(p.step, RenderDef) and p.step.document == document
                and all_hold(p.rules, world.state.facts, world.state.rates) is not False
            ]  # fmt: skip
            state = world.state
            if any(not stands(s, state.record(i), reading(s, i, state), state) for i, s in renders):
                raise Broken(f"{entry.step}: a stale document was signed")


def all_of(*watchers):
    def watch(world, before):
        for watcher in watchers:
            watcher(world, before)

    return watch


WATCH = all_of(nothing_commits_early, one_live_creation, asked_only_with_cause, signed_what_stands)
