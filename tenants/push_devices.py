"""The browsers that people let tell them, and with what this installation signs towards them.

A browser is told as long as the session lasts in which its person said yes: who signs out on a borrowed
machine leaves nothing behind that shows customers' names.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from django.contrib.sessions.backends.db import SessionStore
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from tenants.current import tenant
from tenants.models import User
from tenants.notices import Notification, PushDevice, PushKey

Outcome = Literal["taken", "gone", "refused", "later"]
MOST = 20  # browsers of one person
LONGEST_ENDPOINT = 1000


class Unfit(ValueError):
    """What the browser sent is no subscription."""


class Pusher(Protocol):
    """Whoever reaches the browsers' makers: `providers.push`, as tenants reach nothing outside themselves."""

    def check(self, endpoint: str) -> bool: ...

    def send(
        self, *, endpoint: str, p256dh: str, auth: str, body: bytes, private: str, topic: str, urgent: bool
    ) -> Outcome: ...


@dataclass(slots=True)
class _Outside:
    pusher: Pusher | None = None
    new_keys: Callable[[], tuple[str, str]] | None = None


_outside = _Outside()


def register(pusher: Pusher, new_keys: Callable[[], tuple[str, str]]) -> None:
    """Who pushes, and who makes a pair of keys: the private one and the public one, as text."""
    _outside.pusher, _outside.new_keys = pusher, new_keys


def pusher() -> Pusher:
    """Who pushes."""
    assert _outside.pusher is not None, "registered when the apps are ready"
    return _outside.pusher


def key() -> PushKey:
    """The installation's own, made when it is first asked for; of two that make one the first stays."""
    found = PushKey.objects.filter(pk=1).first()
    if found is not None:
        return found
    assert _outside.new_keys is not None, "registered when the apps are ready"
    private, public = _outside.new_keys()
    PushKey.objects.bulk_create([PushKey(pk=1, private=private, public=public)], ignore_conflicts=True)
    return PushKey.objects.get(pk=1)


def remember(
    *, user: User, session: str, endpoint: str, p256dh: str, auth: str, name: str, now: datetime
) -> PushDevice:
    """This browser is told from now on; the same again only moves it to this person and session.

    Raises Unfit for what is no subscription, or leads where nothing of ours may call.
    """
    if not (endpoint and p256dh and auth) or len(endpoint) > LONGEST_ENDPOINT:
        raise Unfit
    if len(p256dh) > 120 or len(auth) > 60 or not pusher().check(endpoint):
        raise Unfit
    values = {
        "user": user,
        "endpoint": endpoint,
        "p256dh": p256dh,
        "auth": auth,
        "session": session,
        "name": name[:80],
        "created_at": now,
    }
    device, _made = PushDevice.objects.update_or_create(
        tenant=tenant(), endpoint_hash=_digest(endpoint), defaults=values
    )
    _forget_oldest(user)
    return device


def _forget_oldest(user: User) -> None:
    own = of(user).order_by("-created_at", "-pk").values_list("pk", flat=True)
    PushDevice.objects.filter(pk__in=list(own[MOST:])).delete()


def _digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def of(user: User) -> QuerySet[PushDevice]:
    """This person's browsers in the current business."""
    return PushDevice.objects.filter(user=user, tenant=tenant())


def is_told(user: User, session: str | None) -> bool:
    """Whether the browser of this session is told."""
    return bool(session) and of(user).filter(session=session).exists()


def forget(device: PushDevice) -> None:
    """This browser is told no more."""
    device.delete()


def still_signed_in(device: PushDevice) -> bool:
    """Whether the session still lasts in which this browser was let in."""
    return SessionStore().exists(device.session)


def left_of(notice: Notification) -> list[PushDevice]:
    """The browsers that have not been told this yet."""
    return list(PushDevice.objects.filter(pk__in=notice.push_left, user=notice.user).order_by("pk"))


def try_all(user: User) -> int:
    """Tell every browser of this person something harmless at once; how many took it."""
    own = tenant()
    shown = {"title": own.name[:80], "body": _("Notifications work here."), "url": "/notices/", "tag": "try"}
    body = json.dumps({**shown, "always": True}, ensure_ascii=False).encode()
    taken = 0
    for device in of(user).order_by("pk"):
        outcome = pusher().send(
            endpoint=device.endpoint,
            p256dh=device.p256dh,
            auth=device.auth,
            body=body,
            private=key().private,
            topic="try",
            urgent=True,
        )
        taken += outcome == "taken"
        if outcome == "gone":
            forget(device)
    return taken


_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


def browser_named(agent: str) -> str:
    """A browser as its person knows it: "Firefox, Windows"."""
    found = (next((name for sign, name in known if sign in agent), "") for known in (_BROWSERS, _SYSTEMS))
    return ", ".join(filter(None, found))
