"""The desk in the business file: its rules, labels and canned replies."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from conversations.models import CannedReply, DeskRules, Label
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part

MINUTES = 60 * 24 * 60
PLAIN = (
    "assignment", "first_reply_minutes", "next_reply_minutes", "resolve_minutes", "warn_percent",
    "give_back_minutes", "asks_rating",
)  # fmt: skip


class DeskPart(Part):
    """Who gets a chat, by when it is answered, and for how long the assistant is silent."""

    assignment: Literal["manual", "round_robin", "load"] = "manual"
    first_reply_minutes: int | None = Field(None, ge=1, le=MINUTES)
    next_reply_minutes: int | None = Field(None, ge=1, le=MINUTES)
    resolve_minutes: int | None = Field(None, ge=1, le=MINUTES)
    warn_percent: int = Field(75, ge=10, le=99)
    give_back_minutes: int | None = Field(None, ge=5, le=7 * 24 * 60)
    asks_rating: bool = False


class LabelPart(Part):
    """A word for threads and customers."""

    name: str = Field(min_length=1, max_length=40)
    colour: Literal["grey", "green", "blue", "violet", "rose", "amber"] = "grey"


class CannedReplyPart(Part):
    """Words that the team says often; the name is what is typed after the slash."""

    name: str = Field(min_length=1, max_length=40, pattern=r"^[\w-]+$")
    text: str = Field(min_length=1, max_length=4000)


def register() -> None:
    """Tell the business file about the desk."""
    blueprints.register(blueprints.Section("desk", DeskPart, apply=_apply_rules, export=_export_rules))
    blueprints.register(
        blueprints.Section(
            "labels", list[LabelPart], apply=_apply_labels, export=_export_labels, check=_check_names
        )
    )
    blueprints.register(
        blueprints.Section(
            "canned_replies",
            list[CannedReplyPart],
            apply=_apply_replies,
            export=_export_replies,
            check=_check_names,
        )
    )


def _check_names(value: list[Any], context: Context) -> Iterable[tuple[Steps, str]]:
    """Names differ by more than capitals."""
    seen: set[str] = set()
    for number, part in enumerate(value):
        if part.name.casefold() in seen:
            yield (number, "name"), "stands here twice"
        seen.add(part.name.casefold())


def _apply_rules(value: DeskPart, context: Context) -> None:
    given = value.model_dump(exclude_unset=True)
    DeskRules.objects.update_or_create(pk=1, defaults=given)


def _export_rules(context: Context) -> dict[str, Any] | None:
    kept = DeskRules.objects.filter(pk=1).first()
    if kept is None:
        return None
    usual = DeskRules()
    changed = {name: getattr(kept, name) for name in PLAIN if getattr(kept, name) != getattr(usual, name)}
    return changed or None


def _apply_labels(value: list[LabelPart], context: Context) -> None:
    for part in value:
        changed = Label.objects.filter(name__iexact=part.name).update(name=part.name, colour=part.colour)
        if not changed:
            Label.objects.create(name=part.name, colour=part.colour)


def _export_labels(context: Context) -> list[dict[str, Any]] | None:
    rows = Label.objects.order_by("name").values("name", "colour")
    return [dict(row) for row in rows] or None


def _apply_replies(value: list[CannedReplyPart], context: Context) -> None:
    for part in value:
        changed = CannedReply.objects.filter(shortcut__iexact=part.name).update(text=part.text)
        if not changed:
            CannedReply.objects.create(shortcut=part.name, text=part.text)


def _export_replies(context: Context) -> list[dict[str, Any]] | None:
    rows = CannedReply.objects.order_by("shortcut").values_list("shortcut", "text")
    return [{"name": name, "text": text} for name, text in rows] or None
