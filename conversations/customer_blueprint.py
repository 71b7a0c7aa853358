"""What a business wants to know of its customers, in the business file."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from conversations import customer_field_list
from conversations.models import ContactField
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part

Choice = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class CustomerFieldPart(Part):
    """A field of every customer; the choices are those of a choice."""

    name: str = Field(min_length=1, max_length=60)
    kind: Literal["text", "number", "date", "choice"] = "text"
    choices: list[Choice] = Field([], max_length=50)

    @model_validator(mode="after")
    def _fits(self) -> "CustomerFieldPart":
        if self.kind == ContactField.Kind.CHOICE and len(set(self.choices)) < 2:
            raise ValueError("a choice needs two choices or more")
        if self.kind != ContactField.Kind.CHOICE and self.choices:
            raise ValueError("only a choice has choices")
        return self


def register() -> None:
    """Tell the business file about the fields."""
    blueprints.register(
        blueprints.Section(
            "customer_fields", list[CustomerFieldPart], apply=_apply, export=_export, check=_check
        )
    )


def _check(value: list[CustomerFieldPart], context: Context) -> Iterable[tuple[Steps, str]]:
    """Names differ by more than capitals, and a field stays of its kind: what is kept fits no other."""
    rows = ContactField.objects.filter(deleted_at=None) if context.tenant else ()
    kinds, seen = {row.name.casefold(): row.kind for row in rows}, set()
    for number, part in enumerate(value):
        name = part.name.casefold()
        if name in seen:
            yield (number, "name"), "stands here twice"
        if name in customer_field_list.RESERVED:
            yield (number, "name"), "every customer has this already"
        if kinds.get(name, part.kind) != part.kind:
            yield (number, "kind"), f"the field is of the kind {kinds[name]}, and stays so"
        seen.add(name)
    if len(seen | set(kinds)) > customer_field_list.MOST:
        yield (), f"a business has {customer_field_list.MOST} fields at most"


def _apply(value: list[CustomerFieldPart], context: Context) -> None:
    """In the order of the file, before those that it does not name."""
    others = ContactField.objects.filter(deleted_at=None)
    for part in value:
        others = others.exclude(name__iexact=part.name)
    for place, row in enumerate(list(others), start=len(value) + 1):
        ContactField.objects.filter(pk=row.pk).update(position=place)
    for place, part in enumerate(value, start=1):
        _apply_one(part, place)


def _apply_one(part: CustomerFieldPart, place: int) -> None:
    fields = {"name": part.name, "choices": list(dict.fromkeys(part.choices)), "position": place}
    there = ContactField.objects.filter(name__iexact=part.name, deleted_at=None)
    if not there.update(**fields):
        key = customer_field_list.free_key(part.name)
        ContactField.objects.create(key=key, kind=part.kind, **fields)


def _export(context: Context) -> list[dict[str, Any]] | None:
    return [_written(row) for row in ContactField.objects.filter(deleted_at=None)] or None


def _written(row: ContactField) -> dict[str, Any]:
    data: dict[str, Any] = {"name": row.name, "kind": row.kind}
    return data | {"choices": list(row.choices)} if row.choices else data
