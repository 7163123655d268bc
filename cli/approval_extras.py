"""What a few approval commands need beside an act: files to keep first, and what a change would come to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from api import queries
from api.attachments import keep
from api.previewing import preview_change
from api.problems import Problem
from api.shapes import PreviewChange, PreviewWhole
from cli.installation import Cannot, parts_of, person_named, refused, short_id
from connectors.database import Database
from models.acts import Attachment
from models.given import GivenWrong, given


async def kept(database: Database, files: Iterable[Path]) -> tuple[Attachment, ...]:
    """Keep files and return what a comment names. Raises Cannot for one that may not be attached."""
    try:
        return tuple([await keep(parts_of(database), _bytes(file), file.name) for file in files])
    except Problem as no:
        raise refused(no) from None


async def foreseen(database: Database, by: str, deal_id: str, changes: Iterable[str]) -> PreviewWhole:
    """Return what these changes would come to, in the name of a person. Raises Cannot."""
    caller = await person_named(database, by)
    source, _, number = short_id(deal_id).partition("/")
    async with database.read() as session:
        deal = await queries.deal(session, deal_id)
        if deal is None:
            raise Cannot(f"there is no deal {short_id(deal_id)}; `throughline deal list` shows which there are")
        flow = await queries.definition(session, deal.flow_digest)
    try:
        change = PreviewChange(facts=given(flow, dict(_plain(each) for each in changes)))
        return await preview_change(source, number, change, parts_of(database), caller)
    except GivenWrong as wrong:
        raise Cannot(str(wrong)) from None
    except Problem as no:
        raise refused(no) from None


def _plain(change: str) -> tuple[str, Any]:
    """Return name and value of FACT=VALUE; a value is JSON, or text as it stands."""
    name, sign, text = change.partition("=")
    if not sign or not name.strip():
        raise Cannot(f"--set {change} changes nothing; write --set FACT=VALUE, such as --set discount=25")
    try:
        return name.strip(), json.loads(text)
    except ValueError:
        return name.strip(), text


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as wrong:
        raise Cannot(f"{file} cannot be read ({wrong.strerror}); name a file that is there") from None
