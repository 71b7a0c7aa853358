"""A notification in words: its kind's sentence with names for its ids, in the language of who reads."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tenants import notifying
from tenants.models import User
from tenants.notices import Notification

Id = int | str
Names = Callable[[Collection[Id]], Mapping[str, str]]  # the names of these ids, by the id as text
LONGEST = 80

_names: dict[str, Names] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """A notification, and what a person reads of it."""

    notice: Notification
    words: str
    icon: str
    is_urgent: bool


def register_names(param: str, names: Names) -> None:
    """Who looks up what a param's ids are called, all of a page at once."""
    _names[param] = names


def of_users(ids: Collection[Id]) -> Mapping[str, str]:
    """The people of this installation by their ids."""
    return {str(user.pk): str(user) for user in User.objects.filter(pk__in=ids)}


register_names("by", of_users)


def told(notices: Iterable[Notification]) -> list[Told]:
    """These in words, inside their business's schema; one statement for each sort of name."""
    known = [(row, kind) for row in notices if (kind := notifying.kind_named(row.kind)) is not None]
    names = _looked_up([row for row, _kind in known])
    return [Told(row, _sentence(kind, row, names), kind.icon, kind.is_urgent) for row, kind in known]


def _looked_up(rows: Sequence[Notification]) -> dict[str, Mapping[str, str]]:
    wanted: dict[str, set[Id]] = {}
    for row in rows:
        for param, value in row.params.items():
            if param in _names:
                wanted.setdefault(param, set()).add(value)
    return {param: _names[param](ids) for param, ids in wanted.items()}


def _sentence(kind: notifying.Kind, row: Notification, names: Mapping[str, Mapping[str, str]]) -> str:
    """Of what is gone since only "somebody" or "something" is left."""
    values = {
        param: names[param].get(str(value), "")[:LONGEST] or _("somebody")
        if param in names
        else _plain(value)
        for param, value in row.params.items()
    }
    try:
        return _(kind.words) % values
    except KeyError:
        return str(kind.title)  # told by a release that knew fewer params


def _plain(value: object) -> str:
    return str(number_format(value, force_grouping=True)) if isinstance(value, int) else str(value)
