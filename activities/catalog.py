"""The menu of actions: every name, input, output, patience, amend, undo and on_change. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from models.facts import type_name
from models.money import Money, Percent
from models.pinned import ActionSpec
from models.price import VALID_DAYS
from models.values import Digest, Items

I = TypeVar("I", bound=BaseModel)  # noqa: E741 (input)
O = TypeVar("O", bound=BaseModel)  # noqa: E741 (output)


@dataclass(frozen=True)
class Action(Generic[I, O]):
    """One thing the outside world can be asked to do. Input fields are facts by name; output fields become facts."""

    name: str
    title: str
    input: type[I]
    output: type[O]
    effect: bool = False
    system: str = ""
    queue: str = ""
    amend: bool = False
    undo: Literal["auto", "ask", "none"] = "none"
    on_change: Literal["again", "amend", "ask", "keep"] = "again"
    patience: timedelta = timedelta(hours=24)
    duplicate_safety: Literal["", "A", "B", "C", "D", "E"] = ""
    valid_days: int | None = None
    """How long the result counts; afterwards it is worked out anew."""

    def takes(self) -> dict[str, str]:
        """Return the type of fact that each input takes."""
        return {name: _tag(field.annotation) for name, field in self.input.model_fields.items() if name != "item"}

    def spec(self) -> ActionSpec:
        """Return what a flow's definition keeps of it."""
        return ActionSpec(
            name=self.name,
            title=self.title,
            effect=self.effect,
            system=self.system,
            queue=self.queue,
            inputs={name: field.is_required() for name, field in self.input.model_fields.items()},
            outputs=tuple(self.output.model_fields),
            amend=self.amend,
            undo=self.undo,
            on_change=self.on_change,
            patience_seconds=int(self.patience.total_seconds()),
            duplicate_safety=self.duplicate_safety,
        )


def _tag(annotation: Any) -> str:
    held = next((each for each in get_args(annotation) if each is not type(None)), annotation)
    return "items" if held is Items else type_name(held)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class PriceInput(_Data):
    """What a price depends on."""

    account: str
    lines: Items
    discount: Percent
    payment_days: int
    term_months: int | None = None


class Priced(_Data):
    """What a quote makes known. `quote` and `scope` are kept by hash."""

    amount: Money
    margin: Percent
    quote: Digest
    scope: Digest


class SummedUp(_Data):
    """What the lines of a deal add up to."""

    line_count: int
    family_count: int
    largest_family: int
    given_away: Money
    largest_discount: Percent


class OrderInput(_Data):
    """What the ERP books."""

    account: str
    title: str
    quote: Digest
    amount: Money
    payment_days: int


class Ordered(_Data):
    """What the ERP answered."""

    sales_order: str


class ProjectInput(_Data):
    """What the delivery container is made from."""

    account: str
    title: str
    scope: Digest


class Projected(_Data):
    """What the project tool answered."""

    project: str


class MaterialInput(_Data):
    """Which material is bought."""

    material: str


class MaterialPriced(_Data):
    """What it costs a unit now, and the last day of that price where the ERP names one."""

    material_price: Money
    material_price_until: date | None = None


class HoursInput(_Data):
    """Where something is made, and how many hours it takes there."""

    work_center: str
    machine_hours: int


class HoursLeft(_Data):
    """Hours that are left next month once these are taken; less than none says how many are missing."""

    machine_hours_left: int
    production_month: date


price_quote = Action("price_quote", "Price quote", PriceInput, Priced, queue="deals", valid_days=VALID_DAYS)
# Of the lines: how many, of how many product families, how many of one family at most, and what discounts come to.
sum_up_lines = Action("sum_up_lines", "Sums over the lines", PriceInput, SummedUp, queue="deals")
create_sales_order = Action(
    "create_sales_order",
    "Sales order",
    OrderInput,
    Ordered,
    effect=True,
    system="ERP",
    queue="connector.erp",
    amend=False,
    undo="ask",
    on_change="ask",
    duplicate_safety="B",
)
create_project = Action(
    "create_project",
    "Project",
    ProjectInput,
    Projected,
    effect=True,
    system="project tool",
    queue="connector.projects",
    undo="ask",
    on_change="keep",
    duplicate_safety="B",
)
# What they answer ends by itself: a price on its last day, "next month" with this one.
read_material_price = Action(
    "read_material_price", "Material price", MaterialInput, MaterialPriced, system="ERP", queue="connector.erp"
)
read_machine_hours = Action(
    "read_machine_hours", "Machine hours next month", HoursInput, HoursLeft, system="ERP", queue="connector.erp"
)

CATALOG: tuple[Action, ...] = (  # type: ignore[type-arg]
    price_quote, sum_up_lines, read_material_price, read_machine_hours, create_sales_order, create_project,
)  # fmt: skip
