"""A statement in words: what its groups are called, in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from billing import breakdown, money, names
from billing.breakdown import ADDED, NONE, Group
from billing.models import LedgerEntry

BY = {
    "kind": gettext_lazy("What for"),
    "day": gettext_lazy("Day"),
    "agent": gettext_lazy("Assistant"),
    "channel": gettext_lazy("Channel"),
    "model": gettext_lazy("Model"),
    "conversation": gettext_lazy("Chat"),
}
NAMED = ("agent", "channel", "conversation")


@dataclass(frozen=True, slots=True)
class Row:
    """A group as it is shown: its name, where its entries are, and the page of what it is about."""

    group: Group
    name: str
    url: str
    page: str = ""


def rows(found: Sequence[Group], *, by: str, month: date) -> list[Row]:
    """These groups with their names, all looked up at once; deleted things by their number."""
    known = names.of(by, [one.of for one in found if one.of not in (ADDED, NONE)]) if by in NAMED else {}
    entries = reverse("account_statement_entries", settings.ROOT_URLCONF, [f"{month:%Y-%m}"])
    return [
        Row(
            one,
            name_of(by, one.of, known=known.get(one.of, "")),
            f"{entries}?{urlencode({'by': by, 'of': one.of})}",
            names.page(by, one.of) if one.of in known else "",
        )
        for one in found
    ]


def one_name(by: str, of: str) -> str:
    """As `rows`, of one group."""
    wanted = by in NAMED and of not in (ADDED, NONE)
    return name_of(by, of, known=names.of(by, [of]).get(of, "") if wanted else "")


def name_of(by: str, of: str, *, known: str = "") -> str:
    if of == ADDED:
        return _("Credits that came, and corrections")
    if of == NONE:
        return {"model": _("without a model"), "conversation": _("outside of chats")}.get(by, _("of nobody"))
    if known:
        return known
    if by == "day":
        return _day(of)
    if by == "kind":
        return kind(of)
    if by == "model":
        return model(of)
    short = of.partition("-")[0]
    return _("number %(n)s, deleted") % {"n": short}


def _day(of: str) -> str:
    try:
        return date_format(date.fromisoformat(of), "SHORT_DATE_FORMAT")
    except ValueError:
        return of  # an address may name anything


def kind(value: str) -> str:
    known = {str(one): str(label) for one, label in LedgerEntry.Kind.choices}
    label = known.get(value, value)
    return label[:1].upper() + label[1:]


def model(value: str) -> str:
    """A model's own name; documents have none, and templates their category."""
    if value == "*":
        return _("Documents read")
    if value.startswith("template:"):
        category = value.partition(":")[2]
        return _("Templates: %(category)s") % {"category": categories().get(category, category)}
    return value


def categories() -> dict[str, str]:
    """WhatsApp's categories of templates."""
    return {
        "marketing": pgettext("kind of template", "marketing"),
        "utility": pgettext("kind of template", "service"),
        "authentication": _("codes for signing in"),
    }


def used(line: breakdown.Line) -> str:
    """What an entry was for, counted: tokens, seconds, pages, characters."""
    if line.model is None:
        return ""
    read = (line.input_tokens or 0) + (line.cache_read_tokens or 0) + (line.cache_write_tokens or 0)
    wrote, heard, pages = line.output_tokens or 0, line.audio_seconds or 0, line.pages or 0
    spoken, sent = line.characters or 0, line.messages or 0
    told = [
        _("%(read)s tokens read, %(wrote)s written")
        % {"read": money.grouped(read), "wrote": money.grouped(wrote)}
        if read or wrote
        else "",
        _counted(ngettext("%(n)s second heard", "%(n)s seconds heard", heard), heard),
        _counted(ngettext("%(n)s page read", "%(n)s pages read", pages), pages),
        _counted(ngettext("%(n)s character spoken", "%(n)s characters spoken", spoken), spoken),
        _counted(ngettext("%(n)s message by template", "%(n)s messages by template", sent), sent),
    ]
    words = ", ".join(one for one in told if one)
    return _("%(used)s (estimated)") % {"used": words} if words and line.exact is False else words


def _counted(words: str, number: int) -> str:
    return words % {"n": money.grouped(number)} if number else ""
