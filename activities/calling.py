"""What every action does with its call: read its inputs as the catalog declares them, say what is wrong with them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.exceptions import ApplicationError

from models.calls import ActionCall
from models.values import unwrap

M = TypeVar("M", bound=BaseModel)


def inputs_of(call: ActionCall, kind: type[M]) -> M:
    """Return the call's inputs. Raises an "invalid" failure naming the input at fault."""
    try:
        return kind.model_validate({name: unwrap(value) for name, value in call.inputs.items()})
    except ValidationError as faulty:
        first = faulty.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise wrong(f"{name.replace('_', ' ')}: {first['msg']}; correct the fact, then retry the step") from faulty


def wrong(message: str, kind: str = "invalid") -> ApplicationError:
    """Return the failure of a call that cannot succeed before somebody changes what it works on."""
    return ApplicationError(message, type=kind, non_retryable=True)
