"""Rehearsals written down as tests: who was asked when, how it ended; and what differs later, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from textwrap import wrap
from typing import Any

_SHOWN = 3
"""How many things that only moved are shown: when one moves, so does all that follows."""


@dataclass(frozen=True)
class Recipe:
    """What a saved rehearsal is made from again; files are named as seen from the test."""

    flow: str
    facts: Mapping[str, Any]
    start: datetime
    zone: str
    country: str | None
    months: float
    seed: int
    people: str | None = None
    outages: str | None = None


def differences(expected: Sequence[str], now: Sequence[str]) -> str:
    """Return what happens otherwise than expected, line by line, or nothing."""
    if list(expected) == list(now):
        return ""
    old, new = ([_split(line) for line in each[:-1]] for each in (expected, now))
    changed, moved = list[str](), list[str]()
    for how, a, b, c, d in SequenceMatcher(None, [w for _, w in old], [w for _, w in new], False).get_opcodes():
        if how == "equal":
            pairs = zip(old[a:b], new[c:d], strict=True)
            moved += [f"    {was} > {at}  {what}" for (was, what), (at, _) in pairs if was != at]
        else:
            changed += [
                *(f"  - {at}  {what}" for at, what in old[a:b]),
                *(f"  + {at}  {what}" for at, what in new[c:d]),
            ]
    told = ["the rehearsal goes another way"]
    told += ["  no longer happens (-), is new (+):", *changed] if changed else []
    told += [f"  {len(moved)} things happen at another time, first:", *moved[:_SHOWN]] if moved else []
    return "\n".join([*told, *([] if expected[-1] == now[-1] else [f"  - {expected[-1]}", f"  + {now[-1]}"])])


def test_text(recipe: Recipe, story: Sequence[str], title: str) -> str:
    """Return a pytest file that rehearses again and compares."""
    facts = "".join(f"    {json.dumps(k)}: {_written(v)},\n" for k, v in recipe.facts.items())
    told = "\n".join(_escaped(line) for line in story)
    files = "".join(
        f"        {name}={_file(file)},\n"
        for name, file in (("people", recipe.people), ("outages", recipe.outages))
        if file
    )
    beside = [recipe.flow, recipe.people or "", recipe.outages or ""]
    here = "HERE = Path(__file__).parent\n" if any(_is_file(each) for each in beside) else ""
    path = "from pathlib import Path\n\n" if here else ""
    flow = f"str({_file(recipe.flow)})" if _is_file(recipe.flow) else json.dumps(recipe.flow)
    about = "\n".join(wrap(_escaped(title), 110))
    return f'''"""A rehearsal, saved: it fails when the flow would treat this deal otherwise.

{about}
Is the difference meant? Then rehearse again with --save-test and look at what changed in this file.
"""

{path}from cli.rehearsing import rehearsed
from workflows.rehearsal.saved_test import differences
from workflows.rehearsal.story import plain

{here}FACTS = {{
{facts}}}
STORY = """\\
{told}
""".splitlines()


def test_the_deal_goes_the_way_it_was_rehearsed():
    story = rehearsed(
        {flow},
        facts=FACTS,
        start={_quoted(recipe.start.isoformat())},
        zone={_quoted(recipe.zone)},
        country={_quoted(recipe.country)},
        months={recipe.months:g},
        seed={recipe.seed},
{files}    )
    changed = differences(STORY, plain(story))
    assert not changed, changed
'''


def _split(line: str) -> tuple[str, str]:
    at, _, what = line.partition("  ")
    return at, what


def _quoted(text: str | None) -> str:
    return json.dumps(text) if text is not None else "None"


def _written(value: Any) -> str:
    return repr(value) if isinstance(value, bool) or value is None else json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip()


def _file(name: str) -> str:
    return f"HERE / {json.dumps(name)}"


def _is_file(name: str) -> bool:
    return name.partition("::")[0].endswith((".py", ".toml", ".json"))
