"""How a changed rule is said: only the part that moved, and the whole rule where that helps."""

from __future__ import annotations

from collections.abc import Sequence

from models.rules import Compare, Every, Rule, Some, text


def rule_words(verb: str, old: Rule | None, new: Rule | None, *, unruled: str = "always") -> str:
    """Return what a rule now does instead: "is now asked when margin < 30 % instead of < 28 %".

    `unruled` is what happens without a rule: "always", "never".
    """
    if new is None:
        only = "only " if unruled == "always" else ""
        return f"is now {unruled} {verb}, no longer {only}when {_text(old)}"
    if old is None:
        only = "only " if unruled == "always" else ""
        return f"is now {verb} {only}when {text(new)} instead of {unruled}"
    kinds = {type(rule) for rule in (old, new) if isinstance(rule, Every | Some)}
    if len(kinds) == 1:
        kind = kinds.pop()
        parts = [rule.rules if isinstance(rule, kind) else (rule,) for rule in (old, new)]
        return _parts_words(verb, parts[0], parts[1], old, new, any_of=kind is Some)
    return f"is now {verb} when {_instead(old, new)}"


def _parts_words(
    verb: str, before: Sequence[Rule], after: Sequence[Rule], old: Rule, new: Rule, *, any_of: bool
) -> str:
    gone, came = _without(before, after), _without(after, before)
    whole = f"; the whole rule: {text(new)}" if len(after) > 1 else ""
    match len(gone), len(came):
        case 0, 0:
            return f"is {verb} by the same rule, written in another way: {text(new)}"
        case 1, 1:
            return f"is now {verb} when {_instead(gone[0], came[0])}{whole}"
        case 0, _ if any_of:
            return f"is now {verb} also when {' or when '.join(map(text, came))}{whole}"
        case _, 0 if any_of:
            return f"is no longer {verb} because of {' or '.join(map(text, gone))}{whole or _only(new)}"
        case 0, _:
            return f"is now {verb} only when also {' and '.join(map(text, came))}{whole}"
        case _, 0:
            return f"is now {verb} whether or not {' and '.join(map(text, gone))}{whole or _only(new)}"
    return f"is now {verb} when {_instead(old, new)}"


def _only(rule: Rule) -> str:
    return f", only when {text(rule)}"


def _instead(old: Rule, new: Rule) -> str:
    said, before = text(new), text(old)
    if isinstance(old, Compare) and isinstance(new, Compare) and old.fact == new.fact:
        before = before.removeprefix(text(old.model_copy(update={"op": "", "values": ()})).rstrip()).strip()
    if said.endswith(before) and text(old) == said:
        return f"{said}, compared with {_types(new)} instead of {_types(old)}"
    return f"{said} instead of {before}"


def _types(rule: Rule) -> str:
    """Return what a rule compares with, for two that print alike: "28 (whole)" and "28 (text)"."""
    if isinstance(rule, Compare):
        return " or ".join(f"{value} ({value.t})" for value in rule.values) or "nothing"
    return rule.model_dump_json()


def _without(rules: Sequence[Rule], others: Sequence[Rule]) -> list[Rule]:
    left = list(others)
    found = []
    for rule in rules:
        if rule in left:
            left.remove(rule)
        else:
            found.append(rule)
    return found


def _text(rule: Rule | None) -> str:
    return "never" if rule is None else text(rule)
