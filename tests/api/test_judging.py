"""What the doors judge by themselves: who may do which act, which files fit, what moved between two documents."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from api.attachments import LARGEST, clean, media_of
from api.auth import Caller
from api.pages.papers import moved, sections, sheets
from api.policy import Asked, refusal
from api.problems import Problem

ASKED = Asked("dana", "vera", frozenset({"noor"}), frozenset({"noor", "joel"}))


def caller(person: str, *roles: str) -> Caller:
    return Caller(person, person.capitalize(), "", frozenset(roles), "UTC", "US", "session")


@pytest.mark.parametrize(
    ("person", "roles", "do", "code"),
    [
        ("noor", ["finance"], "override", "not_allowed"),  # being asked is no right to decide for all
        ("iris", ["sales_ops"], "override", "not_allowed"),
        ("iris", ["admin"], "override", None),
        ("hiro", ["security"], "comment", None),
        ("hiro", ["security"], "undo", None),  # whose answer it was, the deal knows
        ("joel", ["deal_desk"], "reassign", None),  # asked once, it may hand its own place over
        ("hiro", ["security"], "reassign", "not_yours"),
        ("dana", ["sales"], "reassign", "not_yours"),  # the owner does not choose who judges the deal
        ("dana", ["sales"], "add_approver", None),
        ("vera", ["vp_sales"], "nudge", None),
        ("iris", ["sales_ops"], "reassign", None),
        ("hiro", ["security"], "nudge", "not_yours"),
        ("dana", ["sales"], "people_changed", "not_allowed"),
        ("noor", ["finance"], "sign", "not_allowed"),
    ],
)
def test_each_act_is_open_to_whom_it_concerns(person: str, roles: list[str], do: str, code: str | None) -> None:
    assert refusal(caller(person, *roles), do, ASKED) == code


def test_whoever_lost_the_role_by_which_they_are_asked_is_refused_today() -> None:
    asked = Asked("dana", "vera", frozenset({"noor"}), frozenset({"noor"}), frozenset({"finance"}))
    assert refusal(caller("noor", "finance"), "decide", asked) is None
    assert refusal(caller("noor", "sales"), "decide", asked) == "lost_role"
    assert refusal(caller("noor"), "ask_information", asked) == "lost_role"


def office(*parts: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for part in ("[Content_Types].xml", *parts):
            archive.writestr(part, "x")
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "media"),
    [
        ("offer.pdf", b"%PDF-1.7 x", "application/pdf"),
        ("plan.PNG", b"\x89PNG\r\n\x1a\nx", "image/png"),
        ("site.jpeg", b"\xff\xd8\xff\xe0x", "image/jpeg"),
        ("lines.csv", "a;b\n1;ü\n".encode(), "text/csv"),
        ("note.txt", b"\xef\xbb\xbfhello\r\n", "text/plain"),
        ("terms.docx", office("word/document.xml"), None),
        ("lines.xlsx", office("xl/workbook.xml"), None),
    ],
)
def test_allowed_files_are_known_by_name_and_content(name: str, data: bytes, media: str | None) -> None:
    assert media_of(data, name) == (media or media_of(data, name))


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("run.exe", b"MZ", "run.exe cannot be attached"),
        ("page.html", b"<script>", "page.html cannot be attached"),
        ("drawing.svg", b"<svg/>", "drawing.svg cannot be attached"),
        ("pdf", b"%PDF-1.7", "pdf cannot be attached"),
        ("offer.pdf", b"MZ not a pdf", "is not what its name says"),
        ("note.txt", b"\x00\x01binary", "is not what its name says"),
        ("note.txt", "é".encode("latin-1"), "is not what its name says"),
        ("terms.docx", office("xl/workbook.xml"), "is not what its name says"),
        ("lines.xlsx", office("xl/workbook.xml", "xl/vbaProject.bin"), "is not what its name says"),
        ("lines.xlsx", b"PK\x03\x04 torn", "is not what its name says"),
        ("empty.pdf", b"", "empty.pdf is empty"),
        ("big.pdf", b"%PDF-" + b"x" * LARGEST, "at most 10 MB"),
    ],
)
def test_any_other_file_is_refused_with_what_to_do(name: str, data: bytes, why: str) -> None:
    with pytest.raises(Problem) as no:
        media_of(data, name)
    assert why in no.value.detail
    assert no.value.code == "forbidden_file"
    assert no.value.extra["field"] == "attachments"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("..\\..\\secret.pdf", "secret.pdf"), ("/etc/offer.pdf", "offer.pdf"), ("a\nb.pdf", "ab.pdf"), ("", "file")],
)
def test_a_files_name_carries_no_folder_and_no_control_letter(given: str, kept: str) -> None:
    assert clean(given) == kept


BEFORE = "<html><head><title>SOW</title></head><h1>Scope</h1><p>180 seats</p><h2>Price</h2><p>net 90</p></html>"
NOW = "<style>p{}</style><h1>Scope</h1><p>180  seats</p><h2>Price</h2><p>net 60</p><h2>Exit</h2><p>30 days</p>"


def test_a_document_is_told_by_its_sections_with_what_changed_since_it_was_signed() -> None:
    found = sheets(NOW, BEFORE)
    assert [(each.heading, each.changed) for each in found] == [
        ("Scope", "unchanged"),
        ("Price", "changed"),
        ("Exit", "new"),
    ]
    assert moved(found) == 2
    assert [each.changed for each in sheets(NOW, None)] == ["", "", ""]


def test_a_document_without_headings_has_no_sections() -> None:
    assert sections("<p>only words</p>") == []
    nothing: Any = sheets("", "")
    assert nothing == []
