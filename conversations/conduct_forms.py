"""The owner's rules of conduct as a form: a week of spans, days that differ, and a few numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import Any, NamedTuple

from django import forms
from django.forms.boundfield import BoundField
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from conversations import beyond_words, hours, rules
from conversations.models import ChatRules

SPANS = 3  # a day: morning, afternoon, evening
NEW_DAYS = 3  # empty rows under the days that are there
MOST_DAYS = 100
WEEKDAYS = ("tue", "wed", "thu", "fri")
LABELS = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}


class SpanFields(NamedTuple):
    """The two ends of one span."""

    since: BoundField
    until: BoundField


@dataclass(frozen=True, slots=True)
class DayFields:
    """One day of the week on the page; `more` are its second and third span."""

    label: Any
    first: SpanFields
    more: list[SpanFields]
    is_long: bool


@dataclass(frozen=True, slots=True)
class DateFields:
    """One day that differs."""

    date: BoundField
    name: BoundField
    spans: BoundField


class ConductForm(forms.ModelForm):
    """Hours, holidays, quiet hours, limits and patience."""

    where = forms.CharField(
        required=False,
        max_length=2000,
        label=_("Where you are"),
        help_text=_("A link to a map, or coordinates such as -23.5505, -46.6333. The assistant may send it."),
    )
    where_title = forms.CharField(
        required=False,
        max_length=100,
        label=_("Name and address"),
        help_text=_("Stands beside the place on the map."),
    )
    as_monday = forms.BooleanField(required=False, label=_("Tuesday to Friday are like Monday"))

    class Meta:
        model = ChatRules
        fields = (
            "out_of_hours",
            "out_of_hours_text",
            "quiet_from",
            "quiet_until",
            "answers_a_day",
            "breaks_loops",
            "holding_seconds",
        )
        widgets = {
            "out_of_hours": forms.RadioSelect(),
            "out_of_hours_text": forms.Textarea(attrs={"rows": 3}),
            "quiet_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }
        help_texts = {
            "out_of_hours_text": _(
                "Sent once to each customer while you are closed. {back} stands for when you are back. "
                "Leave empty for our own words."
            ),
            "answers_a_day": _("After so many the chat goes to a person. 0 is without a limit."),
            "breaks_loops": _("Such a chat goes to a person, without another line and without a charge."),
            "holding_seconds": _("They hear once that the answer takes longer. 0 is never."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["out_of_hours"].choices = ChatRules.OutOfHours.choices  # type: ignore[attr-defined]
        for day in hours.DAYS:
            self._add_day(day, hours.parse_spans(self.instance.week.get(day, ())))
        if place := self.instance.place:
            self.fields["where"].initial = f"{place['latitude']}, {place['longitude']}"
            self.fields["where_title"].initial = place.get("title", "")
        self._rows = self._count_rows()
        for row in range(self._rows):
            self._add_date(row)

    def _add_day(self, day: str, spans: tuple[hours.Span, ...]) -> None:
        for number in range(SPANS):
            ends = hours.written(spans[number]).split("-") if number < len(spans) else ["", ""]
            for end, label, value in zip(("from", "until"), (_("opens"), _("closes")), ends, strict=True):
                self.fields[f"{day}_{number}_{end}"] = forms.TimeField(
                    required=False,
                    label=format_lazy("{day}, {end}", day=LABELS[day], end=label),
                    initial=value.replace("24:00", "00:00"),
                    widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                )

    def _count_rows(self) -> int:
        if not self.is_bound:
            return len(self.instance.exceptions) + NEW_DAYS
        sent = sum(name.startswith("on_") and name.endswith("_date") for name in self.data)
        return min(sent, MOST_DAYS)

    def _add_date(self, row: int) -> None:
        known = self.instance.exceptions[row] if row < len(self.instance.exceptions) else {}
        self.fields[f"on_{row}_date"] = forms.DateField(
            required=False,
            label=_("Day"),
            initial=known.get("date", ""),
            widget=forms.DateInput(attrs={"type": "date"}),
        )
        self.fields[f"on_{row}_name"] = forms.CharField(
            required=False, max_length=60, label=_("What it is"), initial=known.get("name", "")
        )
        self.fields[f"on_{row}_spans"] = forms.CharField(
            required=False,
            max_length=60,
            label=_("Hours"),
            initial=", ".join(known.get("spans", ())),
            widget=forms.TextInput(attrs={"placeholder": pgettext_lazy("a holiday", "closed")}),
        )

    # -- for the page

    def days(self) -> Iterator[DayFields]:
        """The week, Monday first."""
        for day in hours.DAYS:
            pairs = [
                SpanFields(self[f"{day}_{number}_from"], self[f"{day}_{number}_until"])
                for number in range(SPANS)
            ]
            is_long = any(pair.since.value() or pair.since.errors or pair.until.errors for pair in pairs[1:])
            yield DayFields(LABELS[day], pairs[0], pairs[1:], is_long)

    def dates(self) -> Iterator[DateFields]:
        """The days that differ, and a few empty ones."""
        for row in range(self._rows):
            yield DateFields(self[f"on_{row}_date"], self[f"on_{row}_name"], self[f"on_{row}_spans"])

    # -- what was written

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        week = {day: self._spans_of(day) for day in hours.DAYS}
        if cleaned.get("as_monday"):
            week |= dict.fromkeys(WEEKDAYS, week["mon"])
        self.week = {day: spans for day, spans in week.items() if spans}
        self.exceptions = sorted(self._dates(), key=lambda one: str(one["date"]))
        if bool(cleaned.get("quiet_from")) != bool(cleaned.get("quiet_until")):
            self.add_error("quiet_until", _("Give both times, or none."))
        return cleaned

    def _spans_of(self, day: str) -> list[str]:
        """The day's spans as they are kept; what is wrong is said on its field."""
        texts = [text for number in range(SPANS) if (text := self._span(f"{day}_{number}"))]
        try:
            return [hours.written(span) for span in hours.parse_spans(texts)]
        except hours.BadHours:
            self.add_error(f"{day}_0_from", _("These times overlap."))
            return []

    def _span(self, name: str) -> str:
        since, until = (self.cleaned_data.get(f"{name}_{end}") for end in ("from", "until"))
        if since is None and until is None:
            return ""
        if since is None or until is None:
            missing = f"{name}_from" if since is None else f"{name}_until"
            if missing not in self.errors:
                self.add_error(missing, _("Give both times, or none."))
            return ""
        return f"{since:%H:%M}-{_end(until)}"

    def _dates(self) -> Iterator[dict[str, Any]]:
        seen = set()
        for row in range(self._rows):
            day, spans = self.cleaned_data.get(f"on_{row}_date"), self.cleaned_data.get(f"on_{row}_spans", "")
            if day is None:
                if (spans or self.cleaned_data.get(f"on_{row}_name")) and f"on_{row}_date" not in self.errors:
                    self.add_error(f"on_{row}_date", _("Which day?"))
                continue
            if day in seen:
                self.add_error(f"on_{row}_date", _("This day is there twice."))
            seen.add(day)
            name = self.cleaned_data.get(f"on_{row}_name", "")
            yield {"date": day.isoformat(), "name": name, "spans": self._written(f"on_{row}_spans", spans)}

    def _written(self, field: str, text: str) -> list[str]:
        try:
            return [hours.written(span) for span in hours.parse_spans(_parts(text))]
        except hours.BadHours:
            self.add_error(field, _("Write times like 09:00-12:00, 14:00-18:00, or leave empty for closed."))
            return []

    def clean_where(self) -> dict[str, Any]:
        text = self.cleaned_data["where"].strip()
        if not text:
            return {}
        if (found := beyond_words.place_in(text)) is None:
            raise forms.ValidationError(
                _("Paste a link to a map, or coordinates such as -23.5505, -46.6333.")
            )
        return {"latitude": found[0], "longitude": found[1]}

    def clean_holding_seconds(self) -> int:
        return self._within("holding_seconds", rules.LEAST_HOLDING, 600)

    def clean_answers_a_day(self) -> int:
        return self._within("answers_a_day", 1, 10_000)

    def _within(self, field: str, low: int, high: int) -> int:
        value = int(self.cleaned_data[field])
        if value and not low <= value <= high:
            raise forms.ValidationError(_("Between %(low)s and %(high)s, or 0.") % {"low": low, "high": high})
        return value

    def save(self, commit: bool = True) -> ChatRules:
        """With the week, the days that differ and the place."""
        self.instance.week, self.instance.exceptions = self.week, self.exceptions
        where, title = self.cleaned_data["where"], self.cleaned_data["where_title"]
        self.instance.place = {**where, "title": " ".join(title.split())} if where else {}
        return super().save(commit=commit)


def _end(until: time) -> str:
    return f"{until:%H:%M}" if until != time(0) else "24:00"


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(";", ",").split(",") if part.strip()]
