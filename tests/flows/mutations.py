"""Good flows made wrong, one change at a time: what an author's slip of the hand does to a flow file."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from activities.catalog import CATALOG

STEPS = {"Approval", "Call", "Render", "Signature", "Task", "Wait", "Handoff", "Subflow"}
GROUPS = {"Stage", "Parallel", "When", "Flow"}
SPANS = {"business_days", "business_hours", "days", "hours", "minutes"}
OUTPUTS = {action.name: set(action.output.model_fields) for action in CATALOG}
_WORD = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Mutant:
    """A flow file with one change: what was changed, in which lines it now is, and every name it touched."""

    what: str
    text: str
    first: int
    last: int
    names: frozenset[str]

    def right(self, line: int, said: str) -> bool:
        """Whether a finding is where the change is, or at a step or stage that the change affects.

        Affected is what names something the changed part names, makes or writes (the finding says so, or the source
        there does), and the stage or flow around it, where the finding is about that one by name.
        """
        if self.first <= line <= self.last:
            return True
        for at, source in self.statements:
            if at != line:
                continue
            around = at <= self.first and self.last <= at + source.count("\n")
            if around and any(name in said for name in re.findall(r'"([^"]+)"', source)[:1]):
                return True
            if self.names & (set(_WORD.findall(said)) | set(_WORD.findall(source))):
                return True
        return False

    @cached_property
    def statements(self) -> list[tuple[int, str]]:
        """Every word of the language in the file: the line it begins in, and its source."""
        words = {*STEPS, *GROUPS, "table", "row"}
        calls = [n for n in ast.walk(ast.parse(self.text)) if isinstance(n, ast.Call) and _word(n) in words]
        return [(node.lineno, ast.get_source_segment(self.text, node) or "") for node in calls]


class Source:
    """A good flow file and the places where it can be changed."""

    def __init__(self, text: str) -> None:
        self.text, self.raw = text, text.encode()
        self.starts = [0]
        for line in self.raw.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.tree = ast.parse(text)
        self.calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and _word(n) in STEPS | GROUPS]

    def span(self, node: ast.AST) -> tuple[int, int]:
        begin = self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return begin, self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def of(self, node: ast.AST) -> str:
        begin, end = self.span(node)
        return self.raw[begin:end].decode()

    def changed(self, what: str, edits: list[tuple[int, int, str]], inside: ast.AST) -> Mutant:
        """Return the file with some stretches replaced. `inside` is the statement that is changed by that."""
        raw, begin, end, shift = self.raw, *self.span(inside), 0
        touched = self.of(inside) if isinstance(inside, ast.Call) and _word(inside) in {*STEPS, "When"} else ""
        for start, stop, new in sorted(edits, reverse=True):
            touched += f" {raw[start:stop].decode()} {new}"
            raw = raw[:start] + new.encode() + raw[stop:]
            shift += len(new.encode()) - (stop - start)
        first = raw[:begin].count(b"\n") + 1
        last = raw[: max(begin, end + shift)].count(b"\n") + 1
        names = set(_WORD.findall(touched)) - _COMMON
        for word in list(names):
            names |= OUTPUTS.get(word, set())
        return Mutant(what, raw.decode(), first, last, frozenset(names))

    def without(self, what: str, part: ast.AST, inside: ast.AST) -> Mutant:
        """Return the file without an argument, its comma included."""
        begin, end = self.span(part)
        behind = re.match(rb"\s*,", self.raw[end:])
        return self.changed(what, [(begin, end + (behind.end() if behind else 0), "")], inside)


_COMMON = {"deal", "by", "within", "business_days", "days", "escalate_to", "when", "percent", "usd", "template", "name",
           "on_reject", "lost", "to", "form", "need", "group", "True", "False", "None", "covers", "is_", "one_of",
           *STEPS, *GROUPS}  # fmt: skip


def mutants(text: str, seed: int, n: int) -> Iterator[Mutant]:
    """Yield `n` changes of a file, every kind of change as often as any other."""
    source, g = Source(text), random.Random(seed)
    kinds = [(kind, found) for kind in KINDS if (found := list(kind(source)))]
    seen = {text}
    for i in range(n * 20):
        _, found = kinds[(i + seed) % len(kinds)]
        mutant = g.choice(found)
        if mutant.text in seen or not _parses(mutant.text):
            continue
        seen.add(mutant.text)
        yield mutant
        if len(seen) > n:
            return


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _word(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _inner(call: ast.Call) -> list[ast.expr]:
    """Return the steps or stages that stand in a word as arguments."""
    skipped = {"Stage": 1, "Flow": 1, "When": 1}.get(_word(call), 0)
    return [a for a in call.args[skipped:] if not isinstance(a, ast.Starred)]


def drop_a_step(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        if _word(call) in GROUPS:
            yield from (s.without(f"drop {s.of(part)[:40]}", part, call) for part in _inner(call))


def drop_an_argument(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        yield from (s.without(f"drop {k.arg}=", k, call) for k in call.keywords if k.arg)


def swap_neighbours(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        inner = _inner(call) if _word(call) in GROUPS else []
        for one, other in pairwise(inner):
            edits = [(*s.span(one), s.of(other)), (*s.span(other), s.of(one))]
            yield s.changed(f"swap {s.of(one)[:30]} and {s.of(other)[:30]}", edits, call)


def repeat_a_step(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        for part in _inner(call) if _word(call) in GROUPS else []:
            yield s.changed(f"repeat {s.of(part)[:40]}", [(*s.span(part), f"{s.of(part)}, {s.of(part)}")], call)


def misspell_a_name(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        for text in _texts(call):
            value = str(text.value)
            new = value[:-2] + value[-1] + value[-2] + "x"
            yield s.changed(f"misspell {value!r}", [(*s.span(text), repr(new))], call)


def misspell_a_fact(s: Source) -> Iterator[Mutant]:
    for node in _facts(s.tree):
        yield s.changed(f"misspell {node.attr}", [(*s.span(node), f"deal.{node.attr}x")], node)


def misspell_an_action(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        if _word(call) == "Call" and isinstance(call.args[0], ast.Name):
            yield s.changed("misspell an action", [(*s.span(call.args[0]), f"{s.of(call.args[0])}x")], call)


def read_another_fact(s: Source) -> Iterator[Mutant]:
    names = sorted({node.attr for node in _facts(s.tree)})
    for node in _facts(s.tree):
        for name in names:
            if name != node.attr:
                yield s.changed(f"read {name} for {node.attr}", [(*s.span(node), f"deal.{name}")], node)


def change_a_rule(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        for rule in _rules(call):
            old = s.of(rule)
            for what, new in (("negate", f"~({old})"), ("contradict", f"({old}) & ~({old})"),
                              ("always", f"({old}) | ~({old})"), ("double", f"({old}) | ({old})")):  # fmt: skip
                yield s.changed(f"{what} {old[:40]}", [(*s.span(rule), new)], call)


def turn_a_comparison(s: Source) -> Iterator[Mutant]:
    for node in ast.walk(s.tree):
        if isinstance(node, ast.Compare):
            left, right = s.of(node.left), s.of(node.comparators[0])
            for sign in ("<", ">", "<=", ">="):
                yield s.changed(f"turn {s.of(node)}", [(*s.span(node), f"{left} {sign} {right}")], node)


def change_a_number(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        for node in ast.walk(call):
            if isinstance(node, ast.Constant) and type(node.value) is int:
                for new in (0, 1, 400):
                    yield s.changed(f"{node.value} becomes {new}", [(*s.span(node), str(new))], call)


def say_something_else(s: Source) -> Iterator[Mutant]:
    last = [c for c in s.calls if _word(c) == "Stage"][-1].args[0]
    for call in s.calls:
        for keyword in call.keywords:
            for new in _OTHERWISE.get(keyword.arg or "", ()):
                text = new.replace("LAST", s.of(last))
                yield s.changed(f"{keyword.arg}={text}", [(*s.span(keyword.value), text)], call)


_OTHERWISE = {
    "by": ("[]", '"sales"', 'group("finance", need=0)', 'group("legal", need=5)'),
    "to": ("[]", '"sales"'),
    "on_reject": ("LAST", 'lost("no")', "None"),
    "on_decline": ("LAST", "None"),
    "on_expire": ("LAST", 'lost("late")', "None"),
    "within": ("None", "business_days(300)"),
    "escalate_to": ("()", '"ceo"'),
    "template": ('"sow"',),
    "until": ("deal.title.is_set()", "deal.margin > percent(99)"),
    "covers": ("[]",),
    "version": ("2",),
    "skip_when": ("deal.title.is_set() | ~deal.title.is_set()", "None"),
}


def add_an_argument(s: Source) -> Iterator[Mutant]:
    steps = [c for c in s.calls if _word(c) in STEPS]
    names = [repr(str(t.value)) for c in steps for t in _texts(c) if t is (c.args or [None])[0]] or ['"terms"']
    for call in s.calls:
        for new in _MORE.get(_word(call), ()):
            text = new.replace("ANOTHER", names[0])
            if text.split("=")[0] in {keyword.arg for keyword in call.keywords}:
                continue
            end = s.span(call)[1] - 1
            comma = "" if re.search(rb"(,|\()\s*$", s.raw[:end]) else ", "
            yield s.changed(f"add {text}", [(end, end, f"{comma}{text}")], call)


_MORE = {
    "Approval": ("advisory=True", "need=7", "need=0", "not_same_as=[ANOTHER]", "was=ANOTHER", "every_round=True",
                 "in_turn=True", 'repeat="if consecutive"', "on_silence=APPROVE", "when=deal.title.is_('x')"),
    "Task": ("advisory=True", "every_round=True", "was=ANOTHER", "when=deal.title.is_('x')"),
    "Wait": ("advisory=True", "when=deal.title.is_('x')"),
    "Call": ("each=deal.lines", "when=deal.title.is_('x')"),
    "Render": ("when=deal.title.is_('x')",),
    "Signature": ("when=deal.title.is_('x')",),
    "Handoff": ("accept_when=deal.title.is_('x')", "when=deal.title.is_('x')"),
    "Stage": ("max_rework=0", "max_rework=999", "skip_when=deal.title.is_('x')", "was='quote'"),
    "Parallel": ("wait_all=True",),
    "Flow": ("takes=deal.title.is_('x')", "takes=deal.margin > percent(20)"),
}  # fmt: skip


def wrap_a_step(s: Source) -> Iterator[Mutant]:
    for call in s.calls:
        if _word(call) in STEPS:
            for new in _WRAPPED:
                yield s.changed(f"wrap as {new}", [(*s.span(call), new.format(s.of(call)))], call)


_WRAPPED = (
    "When(deal.title.is_('x'), {})", "Parallel(Parallel({}))", "({}, lost('over'))", "(lost('over'), {})",
    "When(deal.title.is_set() & ~deal.title.is_set(), {})",
)  # fmt: skip
KINDS: tuple[Callable[[Source], Iterator[Mutant]], ...] = (
    drop_a_step, drop_an_argument, swap_neighbours, repeat_a_step, misspell_a_name, misspell_a_fact,
    misspell_an_action, read_another_fact, change_a_rule, turn_a_comparison, change_a_number, say_something_else,
    add_an_argument, wrap_a_step,
)  # fmt: skip


def _texts(call: ast.Call) -> list[ast.Constant]:
    """Return the names a word uses: of people, stages, templates, and what it is called itself."""
    said = [*call.args, *(k.value for k in call.keywords)]
    found = [node for value in said for node in ([value, *getattr(value, "elts", ())])]
    return [n for n in found if isinstance(n, ast.Constant) and isinstance(n.value, str) and len(n.value) > 2]


def _facts(tree: ast.AST) -> list[ast.Attribute]:
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    return [n for n in nodes if isinstance(n.value, ast.Name) and n.value.id == "deal"]


def _rules(call: ast.Call) -> list[ast.expr]:
    named = [k.value for k in call.keywords if k.arg in ("when", "skip_when", "until", "takes", "accept_when")]
    found = [*named, *([call.args[0]] if _word(call) == "When" else [])]
    return [n for n in found if not isinstance(n, ast.Attribute)]
