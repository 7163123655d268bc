"""What a door checks of an act because its workflow cannot know it: that people named exist, and files are kept."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlmodel import col

from api.gateway import KeyedAct
from api.parts import Parts
from api.problems import Problem
from models import acts
from models.tables.content import Content
from models.tables.people import Person

TEXTS = frozenset({"text/plain", "text/csv"})


async def vet(parts: Parts, act: KeyedAct) -> None:
    """Refuse an act that names somebody unknown or gone, or a file that was not uploaded. Raises Problem."""
    match act:
        case acts.Reassign(to=person):
            await _here(parts, "to", person)
        case acts.AddApprover(person=person):
            await _here(parts, "person", person)
        case acts.Comment(attachments=files) if files:
            await _kept(parts, files)


async def _here(parts: Parts, field: str, person: str) -> None:
    async with parts.database.read() as session:
        found = await session.get(Person, person)
    if found is None:
        raise Problem("invalid", f"Nobody here is called {person}. Name somebody by their id.", field=field)
    if not found.active:
        raise Problem("invalid", f"{found.name} is no longer active. Name somebody else.", field=field)


async def _kept(parts: Parts, files: tuple[acts.Attachment, ...]) -> None:
    wanted = select(col(Content.sha256), col(Content.media), func.length(col(Content.bytes)))
    async with parts.database.read() as session:
        rows = await session.execute(wanted.where(col(Content.sha256).in_([each.sha256 for each in files])))
        kept = {row[0]: (row[1], row[2]) for row in rows.all()}
    for each in files:
        media, size = kept.get(each.sha256, ("", 0))
        if not media or size != each.size or not _same(media, each.media):
            detail = f"{each.name} has not been uploaded as described. Upload it first, then name it as answered."
            raise Problem("invalid", detail, field="attachments")


def _same(one: str, other: str) -> bool:
    return one == other or {one, other} <= TEXTS
