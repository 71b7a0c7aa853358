"""The pages of Account, in groups: few enough words for a phone, and every page two steps away."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.access import EVERYONE, MANAGERS, MONEY


@dataclass(frozen=True, slots=True)
class Entry:
    """One page. `also` begins the names of the pages that belong to it, as "account_channel"."""

    name: str
    title: str | Promise
    roles: Collection[str] = EVERYONE
    also: tuple[str, ...] = ()

    def is_of(self, page: str) -> bool:
        return page == self.name or page.startswith(self.also or ("\n",))


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    entries: tuple[Entry, ...]


GROUPS = (
    Group(
        _("You and credits"),
        (
            Entry("account", _("Credits"), also=("account_topup", "account_buy", "account_limits")),
            Entry("account_statements", _("Statements"), MANAGERS | MONEY, ("account_statement",)),
            Entry("account_you", _("You"), MANAGERS | MONEY),
            Entry("account_notifications", _("Notifications")),
            Entry("account_digest", _("Weekly digest"), also=("account_digest",)),
        ),
    ),
    Group(
        _("Team"),
        (
            Entry("account_team", _("Members"), MANAGERS),
            Entry("account_desk", _("Desk"), MANAGERS, ("account_desk",)),
            Entry("account_labels", _("Labels"), MANAGERS, ("account_label",)),
            Entry("account_replies", _("Canned replies"), also=("account_repl",)),
            Entry("account_fields", _("Customer fields"), MANAGERS, ("account_field",)),
        ),
    ),
    Group(
        _("Connections"),
        (
            Entry("account_channels", _("Channels"), MANAGERS, ("account_channel",)),
            Entry(
                "account_integrations", _("Integrations"), MANAGERS, ("account_integration", "integration_")
            ),
            Entry("account_keys", _("API keys"), MANAGERS),
            Entry("account_search", _("Search"), MANAGERS, ("account_search",)),
        ),
    ),
    Group(
        _("Business"),
        (
            Entry("account_business", _("Language and time"), MANAGERS),
            Entry("account_privacy", _("Privacy"), also=("account_privacy",)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Link:
    title: str | Promise
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """The groups that this person may open, and the pages of the one that is open."""

    groups: list[Link] = field(default_factory=list)
    pages: list[Link] = field(default_factory=list)


def menu(*, role: str, page: str, sees_credits: bool) -> Menu:
    """What stands above every page of Account, for a role, on the page of this URL name."""
    found = Menu()
    for group in GROUPS:
        links = [link for entry in group.entries if (link := _link(entry, role, page, sees_credits))]
        if not links:
            continue
        is_current = any(link.is_current for link in links)
        found.groups.append(Link(group.title, links[0].url, is_current))
        if is_current and len(links) > 1:
            found.pages.extend(links)
    return found


def _link(entry: Entry, role: str, page: str, sees_credits: bool) -> Link | None:
    """None for who may not open it, and for a page of an app that is not installed."""
    if role not in entry.roles:
        return None
    try:
        url = reverse(entry.name)
    except NoReverseMatch:
        return None
    if entry.name == "account" and not sees_credits:
        return Link(_("You"), url, page in ("account", "account_you"))
    return Link(entry.title, url, entry.is_of(page))
