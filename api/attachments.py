"""Files beside a request: what may be attached, read off the bytes themselves, kept once under its hash."""

from __future__ import annotations

import io
import zipfile
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from activities.content import put
from api.parts import Parts, With
from api.problems import Problem, responses
from api.shapes import AttachmentShape
from models.acts import Attachment

router = APIRouter(prefix="/api/attachments", tags=["requests"])
LARGEST = 10 * 1024 * 1024
MOST = 10
# A post of a page may carry several; what is over a file's own bound is still told beside the field.
POST_LIMIT = 4 * LARGEST
OFFICE = {
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "word/document.xml"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xl/workbook.xml"),
}
MEDIA = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
    **{ending: media for ending, (media, _) in OFFICE.items()},
}
ALLOWED = "PDF, PNG, JPEG, TXT, CSV, DOCX or XLSX"
_BEGINS = {"application/pdf": b"%PDF-", "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
Name = Annotated[str, Query(min_length=1, max_length=200, description="the file's name, such as offer.pdf")]


@router.post(
    "",
    status_code=201,
    responses=responses("sign_in_needed", "unreadable", "forbidden_file", "too_large", "database_down"),
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    max_body_size=LARGEST + 1024,
)
async def upload(name: Name, request: Request, parts: With) -> AttachmentShape:
    """Keep a file, sent as the body. Name what is answered in the `attachments` of a comment."""
    return AttachmentShape.model_validate((await keep(parts, await request.body(), name)).model_dump())


async def keep(parts: Parts, data: bytes, name: str) -> Attachment:
    """Keep a file and return what an act names. Raises Problem for one that may not be attached."""
    called = clean(name)
    media = media_of(data, called)
    async with parts.database.write() as session:
        sha256 = await put(session, data, media, called)
    return Attachment(sha256=sha256, name=called, media=media, size=len(data))


def media_of(data: bytes, name: str) -> str:
    """Return the media type that a file's name claims and its bytes confirm. Raises Problem."""
    ending = name.rpartition(".")[2].lower()
    media = MEDIA.get(ending)
    if media is None or "." not in name:
        raise Problem("forbidden_file", f"{name} cannot be attached. Attach a {ALLOWED}.", field="attachments")
    if not data:
        raise Problem("forbidden_file", f"{name} is empty. Choose the file again.", field="attachments")
    if len(data) > LARGEST:
        size = f"{len(data) / 1024 / 1024:.1f} MB"
        raise Problem(
            "forbidden_file", f"{name} has {size}; at most 10 MB can be attached. Send a link to it.",
            field="attachments",
        )  # fmt: skip
    if not _confirmed(data, ending, media):
        detail = f"The content of {name} is not what its name says. Attach a {ALLOWED}."
        raise Problem("forbidden_file", detail, field="attachments")
    return media


def clean(name: str) -> str:
    """Return a file's name without a folder or anything that does not print."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[-200:] or "file"


def _confirmed(data: bytes, ending: str, media: str) -> bool:
    if media in _BEGINS:
        return data.startswith(_BEGINS[media])
    if ending in OFFICE:
        return _office(data, OFFICE[ending][1])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return all(letter >= " " or letter in "\t\n\r\f" for letter in text)


def _office(data: bytes, part: str) -> bool:
    """Only the list of the archive is read: nothing is unpacked. One that carries macros is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return False
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    return not macros and {part, "[Content_Types].xml"} <= names
