"""Account, Notifications: of what, by which way, and when not."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import notifying
from tenants.models import Membership
from tenants.notices import NoticeRules, NotificationChoice
from tenants.notifying import Kind

Channels = Callable[[], Iterable[tuple[uuid.UUID, str]]]
_channels: list[Channels] = []


def register_channels(channels: Channels) -> None:
    """Who knows the business's channels, which a person may mute: ids and names."""
    _channels[:] = [channels]


class RulesForm(forms.Form):
    """Quiet hours, sound, and channels that are muted."""

    quiet_from = forms.TimeField(
        label=gettext_lazy("Quiet from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=gettext_lazy("until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    sound = forms.BooleanField(
        label=gettext_lazy("A short sound when something new comes while a page is open"), required=False
    )
    muted_channels = forms.MultipleChoiceField(
        label=gettext_lazy("Never disturb me for these channels"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "checkbox"}),
        help_text=gettext_lazy("What comes by them still stands in the list, without a sound to your phone."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(pk), name) for source in _channels for pk, name in source()]
        self.fields["muted_channels"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["muted_channels"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        start, end = given.get("quiet_from"), given.get("quiet_until")
        if not self.errors and (start is None) != (end is None):
            name = "quiet_until" if end is None else "quiet_from"
            self.add_error(name, _("Quiet hours need a beginning and an end."))
        return given


def rules_of(seat: Membership) -> NoticeRules:
    """What this person set here, or what holds without."""
    found = NoticeRules.objects.filter(tenant=seat.tenant_id, user=seat.user_id).first()
    return found or NoticeRules(tenant_id=seat.tenant_id, user_id=seat.user_id)


def shown(seat: Membership) -> dict[str, Any]:
    """The form's beginning."""
    rules = rules_of(seat)
    return {
        "quiet_from": rules.quiet_from,
        "quiet_until": rules.quiet_until,
        "sound": rules.sound,
        "muted_channels": [str(pk) for pk in rules.muted_channels],
    }


def choices_of(seat: Membership) -> list[dict[str, Any]]:
    """The kinds that concern this role, each with what this person is told by which way."""
    own = NotificationChoice.objects.filter(tenant=seat.tenant_id, user=seat.user_id)
    chosen = {row.kind: row for row in own}
    return [
        {
            "kind": kind,
            "push": chosen[kind.name].push if kind.name in chosen else kind.push,
            "email": chosen[kind.name].email if kind.name in chosen else kind.email,
        }
        for kind in concerning(seat.role)
    ]


def concerning(role: str) -> Sequence[Kind]:
    """What a role may be told of."""
    return [kind for kind in notifying.kinds() if role in kind.roles]


@transaction.atomic(durable=True)
def keep(seat: Membership, *, rules: dict[str, Any], push: Iterable[str], email: Iterable[str]) -> None:
    """Remember what a person chose; what is as its kind has it needs no row."""
    own = NotificationChoice.objects.filter(tenant=seat.tenant_id, user=seat.user_id)
    pushed, mailed = set(push), set(email)
    for kind in concerning(seat.role):
        wanted = {"push": kind.name in pushed, "email": kind.name in mailed}
        if wanted == {"push": kind.push, "email": kind.email}:
            own.filter(kind=kind.name).delete()
            continue
        NotificationChoice.objects.update_or_create(
            tenant_id=seat.tenant_id, user_id=seat.user_id, kind=kind.name, defaults=wanted
        )
    muted = [uuid.UUID(one) for one in rules.get("muted_channels", [])]
    values = {name: rules[name] for name in ("quiet_from", "quiet_until", "sound")}
    NoticeRules.objects.update_or_create(
        tenant_id=seat.tenant_id, user_id=seat.user_id, defaults={**values, "muted_channels": muted}
    )
