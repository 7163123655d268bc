"""The typed facts a company keeps about its deals, and how rules are written over them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

from models.mistakes import Misspelt, Mistake
from models.money import Money, Percent
from models.rules import Compare, Direction, IsSet
from models.spelling import converted, example, kind_of, written
from models.values import Digest, wrap

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

HIGHER, LOWER, DIFFERENT = Direction.HIGHER, Direction.LOWER, Direction.DIFFERENT


class Source(StrEnum):
    """Who writes a fact."""

    CRM = "crm"
    ERP = "erp"
    STEP = "step"
    PERSON = "person"


CRM, ERP, STEP, PERSON = Source.CRM, Source.ERP, Source.STEP, Source.PERSON


class FactSpec(BaseModel):
    """What a flow's definition keeps of a fact."""

    model_config = ConfigDict(frozen=True)
    path: str
    type: str
    source: Source
    worse: Direction = Direction.DIFFERENT
    guardrail: bool = False
    tracked: bool = True
    options: tuple[str, ...] = ()
    label: str = ""


class Fact(Generic[T]):
    """A typed fact; compare it to make a rule: deal.region.is_("west"), deal.region.one_of("west", "east").

    Join rules with & (and), | (or) and ~ (not), each comparison in parentheses.
    """

    def __init__(self, spec: FactSpec, holds: Any) -> None:
        self.spec = spec
        self.path = spec.path
        self.holds_type = holds

    def is_(self, value: T | str) -> Compare:
        """Return the rule that the fact equals `value`; a choice may be written as its text."""
        return Compare(fact=self.path, op="is", values=(self._checked(value),))

    def one_of(self, *values: T | str) -> Compare:
        """Return the rule that the fact equals one of `values`."""
        return Compare(fact=self.path, op="one of", values=tuple(self._checked(value) for value in values))

    def is_set(self) -> IsSet:
        """Return the rule that the fact is known."""
        return IsSet(fact=self.path)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Fact):
            return self.path == other.path
        raise self._not_like("==", f"deal.{self.path}.is_({written(other)})")

    def __ne__(self, other: object) -> bool:
        if isinstance(other, Fact):
            return self.path != other.path
        raise self._not_like("!=", f"~deal.{self.path}.is_({written(other)})")

    def __hash__(self) -> int:
        return hash(self.path)

    def __bool__(self) -> bool:
        raise Mistake(
            f"deal.{self.path} is a fact, not a yes or no",
            f"write deal.{self.path}.is_({example(self.holds_type)}), or deal.{self.path}.is_set()",
        )

    def __repr__(self) -> str:
        return f"deal.{self.path}"

    if not TYPE_CHECKING:  # for people without a type checker, who would read "unsupported operand type(s)"

        def _unordered(self, _: object) -> Compare:
            raise Mistake(
                f"deal.{self.path} has no order, so it is neither more nor less than anything",
                f"write deal.{self.path}.is_({example(self.holds_type)}) or .one_of(...)",
            )

        def _unjoined(self, _: object) -> Compare:
            raise Mistake(
                f"deal.{self.path} stands beside & or | without being compared: these bind tighter than < and >",
                "put each comparison in parentheses: (deal.discount > percent(15)) | (deal.margin < percent(25))",
            )

        __gt__ = __ge__ = __lt__ = __le__ = _unordered
        __and__ = __rand__ = __or__ = __ror__ = _unjoined

    def _not_like(self, sign: str, instead: str) -> Mistake:
        return Mistake(f"{sign} cannot make a rule of deal.{self.path}", f"write {instead}")

    def _checked(self, value: Any) -> Any:
        wanted = self.holds_type
        options = self.spec.options
        if options:
            said = str(value.value if isinstance(value, Enum) else value)
            if said in options:
                return wrap(said)
            near = difflib.get_close_matches(said, options, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(map(repr, options))}"
            raise Mistake(f"deal.{self.path} is never {value!r}", remedy)
        if isinstance(wanted, type) and (type(value) is not wanted):
            what = f"deal.{self.path} holds {kind_of(wanted)}, so it cannot be compared with"
            raise Mistake(f"{what} {written(value)}", f"write {converted(wanted, value)}")
        return wrap(value)


class Ordered(Fact[T]):
    """A fact whose values have an order (money, percentages, numbers, dates): deal.discount > percent(15)."""

    def is_(self, value: T) -> Compare:  # type: ignore[override] # only a choice may be written as text
        """Return the rule that the fact equals `value`."""
        return super().is_(value)

    def __gt__(self, value: T) -> Compare:
        return Compare(fact=self.path, op=">", values=(self._checked(value),))

    def __ge__(self, value: T) -> Compare:
        return Compare(fact=self.path, op=">=", values=(self._checked(value),))

    def __lt__(self, value: T) -> Compare:
        return Compare(fact=self.path, op="<", values=(self._checked(value),))

    def __le__(self, value: T) -> Compare:
        return Compare(fact=self.path, op="<=", values=(self._checked(value),))


class Each(Fact[T]):
    """A list of things with keys, such as deal.lines; a step with `each=` runs once per item."""


class Answers(Fact[M]):
    """What a form's answers become; each field is a fact of its own: deal.survey.field("rooms") > 5."""

    def field(self, name: str) -> Ordered[Any]:
        """Return the fact of one field. Raises AttributeError for a field the form does not have."""
        fields = self.holds_type.model_fields
        if name not in fields:
            raise AttributeError(f"{self.holds_type.__name__} has no field {name!r}; it has {', '.join(fields)}")
        holds = fields[name].annotation
        path, options = f"{self.path}.{name}", _options(holds)
        return Ordered(FactSpec(path=path, type=type_name(holds), source=Source.PERSON, options=options), holds)


def fact(
    source: Source,
    *,
    worse: Direction = Direction.DIFFERENT,
    guardrail: bool = False,
    tracked: bool = True,
    label: str = "",
) -> Any:
    """Declare a fact of a deal.

        discount: Ordered[Percent] = fact(CRM, worse=HIGHER, guardrail=True)

    source: who writes it: CRM, ERP, PERSON (on the deal's page, or a form), or STEP, a step of the flow.
    worse: HIGHER, LOWER or DIFFERENT (default): when an approval that covered it has to be asked again.
    guardrail: every approver sees it, and every approval that does not list `covers` covers it.
    tracked: False for what flickers, such as stock: it is read once, and its changes make nothing stale.
    label: what people call it, where its name does not say it.
    """
    return {"source": source, "worse": worse, "guardrail": guardrail, "tracked": tracked, "label": label}


class DealFacts:
    """The facts every deal has; a company extends this class with its own."""

    title: Fact[str] = fact(CRM)
    account: Fact[str] = fact(CRM)
    owner: Fact[str] = fact(CRM)
    signatory: Fact[str] = fact(CRM, label="who signs, as Name <mail address>")
    lines: Each[Any] = fact(CRM, label="quote lines")
    close_date: Ordered[date] = fact(CRM, tracked=False)
    quote: Fact[Digest] = fact(STEP, tracked=False)
    scope: Fact[Digest] = fact(STEP, label="what is sold, quantities and terms")

    @classmethod
    def paths(cls) -> Self:
        """Return the facts to write rules with; a misspelt one is an AttributeError naming the nearest."""
        deal = object.__new__(cls)
        hints = get_type_hints(cls)
        for name, kind in hints.items():
            declared = getattr(cls, name, None)
            if not isinstance(declared, dict):
                raise TypeError(f"{cls.__name__}.{name} needs = fact(...), with who writes it")
            holds = get_args(kind)[0]
            spec = FactSpec(path=name, type=_spec_type(kind, holds), options=_options(holds), **declared)
            object.__setattr__(deal, name, get_origin(kind)(spec, holds))
        return deal

    if not TYPE_CHECKING:  # the help at import must not hide a misspelling from type checkers

        def __getattr__(self, name: str) -> Any:
            near = difflib.get_close_matches(name, get_type_hints(type(self)), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"declare it in facts.py, in class {type(self).__name__}"
            raise Misspelt(f"{type(self).__name__} has no fact {name!r}", hint)


def specs(facts: DealFacts) -> dict[str, FactSpec]:
    """Return every fact's specification by path, fields of forms included."""
    found: dict[str, FactSpec] = {}
    for declared in vars(facts).values():
        if isinstance(declared, Fact):
            found[declared.path] = declared.spec
            if isinstance(declared, Answers):
                for name in declared.holds_type.model_fields:
                    found[f"{declared.path}.{name}"] = declared.field(name).spec
    return found


def type_name(holds: Any) -> str:
    """Return the tag a value of this type carries."""
    if isinstance(holds, type):
        if issubclass(holds, Enum):
            return "text"
        for kind, name in _TYPES:
            if issubclass(holds, kind):
                return name
    return "text"


# bool before int and datetime before date: each is a subclass of the other.
_TYPES: Sequence[tuple[type, str]] = (
    (bool, "flag"),
    (int, "whole"),
    (str, "text"),
    (Decimal, "number"),
    (Money, "money"),
    (Percent, "percent"),
    (datetime, "moment"),
    (date, "day"),
    (Digest, "digest"),
)


def _spec_type(kind: Any, holds: Any) -> str:
    if get_origin(kind) is Each:
        return "items"
    return "form" if get_origin(kind) is Answers else type_name(holds)


def _options(holds: Any) -> tuple[str, ...]:
    if get_origin(holds) is Literal:
        return tuple(str(choice) for choice in get_args(holds))
    return tuple(str(m.value) for m in holds) if isinstance(holds, type) and issubclass(holds, Enum) else ()
