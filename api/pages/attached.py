"""Files attached to comments: handed out as downloads, to people of the company, under the deal they belong to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path
from starlette.responses import Response

from api import supporting
from api.attachments import MEDIA, clean
from api.deals import deal_id_of
from api.parts import With
from api.problems import Problem
from api.security import DOCUMENT_POLICY
from models.tables.content import Content

router = APIRouter()


@router.get("/deals/{source}/{source_id}/attachments/{sha256}")
async def download(
    source: Annotated[str, Path(max_length=40)],
    source_id: Annotated[str, Path(max_length=120)],
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
    parts: With,
) -> Response:
    """Hand out a file that a comment on this deal attached. It is saved, never shown in the page's own name."""
    async with parts.database.read() as session:
        file = await supporting.attached(session, deal_id_of(source, source_id), sha256)
        content = await session.get(Content, sha256) if file is not None else None
    if file is None or content is None:
        raise Problem("unknown_attachment")
    media = file.get("media", "")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(clean(file.get('name', 'file')))}",
        "Content-Security-Policy": DOCUMENT_POLICY,
    }
    return Response(
        content.bytes, media_type=media if media in MEDIA.values() else "application/octet-stream", headers=headers
    )
