"""Which answers need words first, and which fields ask for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api.forms_in_chat import FORM, form_of
from api.pressing import act_fields
from connectors.chat import Click, Form
from connectors.contract import ExternalRef
from models.tables.requests import Request

TYPED = {
    "type": "object",
    "properties": {
        "seats": {"type": "integer", "title": "Seats", "description": "How many work there."},
        "region": {"$ref": "#/$defs/Region"},
        "on_call": {"type": "boolean"},
    },
    "$defs": {"Region": {"type": "string", "enum": ["midwest", "south"]}},
    "required": ["seats", "region"],
}


def opened(action: str, **body: Any) -> Form | None:
    request = Request(
        id="deal/hubspot/1|approval:discount|1", deal_id="deal/hubspot/1", step="approval:discount", kind="approval",
        title="discount", reason="discount 20 % > 15 %", opened_at=datetime.now(UTC),
        body={"question": "Approve?", **body},
    )  # fmt: skip
    click = Click(
        who="U1", action=action, value="v", place=ExternalRef(id="D1/1"), opener="1.2.3", key="1", delivery="v0=1"
    )
    return form_of(action, request, click)


@pytest.mark.parametrize("action", ["approve", "accept", "undo"])
def test_a_plain_yes_and_an_undo_need_no_form(action: str) -> None:
    assert opened(action) is None


def test_a_no_asks_why_and_says_what_follows() -> None:
    form = opened("reject", follows={"no": "the deal goes back to stage quote"})
    assert form is not None
    assert (form.title, form.send, [field.name for field in form.fields]) == ("Reject", "Reject", ["reason"])
    assert "discount 20 % > 15 %" in form.intro
    assert "Then the deal goes back to stage quote." in form.intro
    assert (form.action, form.value, form.place.id) == ("reject", "v", "D1/1")


def test_a_send_back_may_name_a_stage() -> None:
    form = opened("ask_changes", stages=["quote", "review"])
    assert form is not None
    reason, stage = form.fields
    assert (reason.needed, stage.needed) == (True, False)
    assert [value for value, _ in stage.options] == ["quote", "review"]
    only = opened("ask_changes", stages=["quote"])
    assert only is not None
    assert len(only.fields) == 1, "one stage is no choice"


def test_an_answer_is_asked_with_the_words_of_the_question() -> None:
    form = opened("give_information", question_asked="Which sites?")
    assert form is not None
    assert [(field.name, field.label) for field in form.fields] == [("answer", "Which sites?")]


def test_a_decisions_own_form_is_asked_field_by_field_and_comes_back_as_its_answers() -> None:
    form = opened("approve", form=TYPED)
    assert form is not None
    seats, region, on_call = form.fields
    assert (seats.label, seats.kind, seats.needed, seats.hint) == ("Seats", "line", True, "How many work there.")
    assert (region.kind, [value for value, _ in region.options], region.needed) == (
        "choice",
        ["midwest", "south"],
        True,
    )
    assert ([value for value, _ in on_call.options], on_call.needed) == (["yes", "no"], False)
    act = act_fields("approve", {FORM + "seats": "40", FORM + "region": "south"}, 3)
    assert (act["verdict"], act["edition"], act["form"]) == ("approve", 3, {"seats": "40", "region": "south"})
