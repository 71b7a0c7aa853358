"""The rules of conduct in the business file."""

from collections.abc import Iterable
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from conversations import hours, rules
from conversations.models import ChatRules
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part

PLAIN = ("out_of_hours", "out_of_hours_text", "answers_a_day", "breaks_loops", "holding_seconds")


def _clock(value: Any) -> Any:
    """YAML reads 22:00 without quotes as a number to the base of sixty: minutes."""
    return f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) and 0 <= value < 1440 else value


def _spans(value: list[str]) -> list[str]:
    return [hours.written(span) for span in hours.parse_spans(value)]


Clock = Annotated[str, BeforeValidator(_clock), Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Spans = Annotated[list[str], BeforeValidator(_spans)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class DayPart(Part):
    """A day of the calendar that differs; without hours it is closed."""

    date: date
    name: str = Field("", max_length=60)
    hours: Spans = []


class PlacePart(Part):
    """Where the business is."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    title: str = Field("", max_length=100)


class ConductPart(Part):
    """When people are there, and what the product may do by itself."""

    hours: dict[Day, Spans] = {}
    days: list[DayPart] = Field([], max_length=100)
    out_of_hours: Literal["assistant", "text"] = "assistant"
    out_of_hours_text: str = Field("", max_length=1000)
    quiet_from: Clock | None = None
    quiet_until: Clock | None = None
    answers_a_day: int = Field(100, ge=0, le=10_000)
    breaks_loops: bool = True
    holding_seconds: int = Field(20, ge=0, le=600)
    place: PlacePart | None = None


def register() -> None:
    """Tell the business file about the rules."""
    blueprints.register(
        blueprints.Section("conduct", ConductPart, apply=_apply, export=_export, check=_check)
    )


def _check(value: ConductPart, context: Context) -> Iterable[tuple[Steps, str]]:
    if (value.quiet_from is None) != (value.quiet_until is None):
        yield ("quiet_until",), "quiet hours need both times"
    if 0 < value.holding_seconds < rules.LEAST_HOLDING:
        yield ("holding_seconds",), f"is 0, or at least {rules.LEAST_HOLDING}"
    seen: set[date] = set()
    for number, part in enumerate(value.days):
        if part.date in seen:
            yield ("days", number, "date"), "stands here twice"
        seen.add(part.date)


def _apply(value: ConductPart, context: Context) -> None:
    given = value.model_dump(exclude_unset=True)
    fields = {name: given[name] for name in PLAIN if name in given}
    for name in ("quiet_from", "quiet_until"):
        if name in given:
            fields[name] = time.fromisoformat(given[name]) if given[name] else None
    if "hours" in given:
        fields["week"] = {day: spans for day, spans in value.hours.items() if spans}
    if "days" in given:
        days = sorted(value.days, key=lambda part: part.date)
        fields["exceptions"] = [
            {"date": part.date.isoformat(), "name": part.name, "spans": part.hours} for part in days
        ]
    if "place" in given:
        fields["place"] = given["place"] or {}
    ChatRules.objects.update_or_create(pk=1, defaults=fields)


def _export(context: Context) -> dict[str, Any] | None:
    kept = ChatRules.objects.filter(pk=1).first()
    if kept is None:
        return None
    usual = ChatRules()
    data: dict[str, Any] = {"hours": kept.week} if kept.week else {}
    if kept.exceptions:
        data["days"] = [_day(one) for one in kept.exceptions]
    data |= {name: getattr(kept, name) for name in PLAIN if getattr(kept, name) != getattr(usual, name)}
    for name in ("quiet_from", "quiet_until"):
        if (moment := getattr(kept, name)) is not None:
            data[name] = f"{moment:%H:%M}"
    if kept.place:
        data["place"] = kept.place
    return data or None


def _day(one: dict[str, Any]) -> dict[str, Any]:
    data = {"date": one["date"], "name": one.get("name", ""), "hours": one.get("spans", [])}
    return {key: value for key, value in data.items() if value}
