"""One row of every model of a business, with an id of one's choice: what a stranger might guess."""

import uuid
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone
from django_tenants.utils import schema_context

from tenants.models import (
    Announcement,
    ApiKey,
    Invitation,
    Membership,
    Role,
    StaffGrant,
    Tenant,
    TopUp,
    User,
    WebhookRoute,
    digest,
)
from tenants.notices import Notification, PushDevice

# What the database itself asks of a row beyond its types.
ALSO: dict[str, dict[str, Any]] = {
    "conversations.message": {
        "direction": "out",
        "author_kind": "agent",
        "kind": "image",
        "status": "unknown",
    },
    "agents.agentversion": {"status": "published"},
    "conversations.turn": {"status": "done"},
    "conversations.webhookevent": {"status": "parked"},
    "billing.ledgerentry": {"amount": 1, "balance_after": 1},
    "conversations.tidying": {"kind": "read", "record": {"chats": [], "counts": {}}},
    "knowledge.chunk": {"language": "pt"},
}
DIMENSIONS = 896  # of a vector that may have any number of them
Words = Callable[[Any], str | None]
LEFT_OUT = {"billing.price"}  # each business has its own from the start


def tenant_models() -> list[type[models.Model]]:
    """The models of the tenants' apps, each after those that it points to."""
    found: list[type[models.Model]] = []
    waiting = [m for app in settings.TENANT_APPS for m in apps.get_app_config(app).get_models()]
    while waiting:
        for model in waiting:
            needs = {field.related_model for field in model._meta.concrete_fields if field.is_relation}
            if not needs & (set(waiting) - {model}):
                found.append(model)
                waiting.remove(model)
                break
    return [model for model in found if not _is_left_out(model)]


def _is_left_out(model: type[models.Model]) -> bool:
    """Also a row of which a business has just one: its id is a small number by intent."""
    return model._meta.label_lower in LEFT_OUT or isinstance(model._meta.pk, models.SmallIntegerField)


def fill(tenant: Tenant, *, number: int, user: User, words: Words | None = None) -> dict[str, Any]:
    """A row with this number of every model of the business, in its schema and shared. Returns the ids.

    `words` says what stands in a field that holds somebody's words; None leaves it to this module.
    """
    uid = uuid.UUID(int=number)
    with schema_context(tenant.schema_name):
        for model in tenant_models():
            _make(model, number=number, uid=uid, user=user, words=words or _no_words)
    return {"int": number, "uuid": uid} | _shared(tenant, number=number, uid=uid, user=user)


def _shared(tenant: Tenant, *, number: int, uid: uuid.UUID, user: User) -> dict[str, Any]:
    token = f"token-{number}"
    member = User.objects.create_user(f"seat-{number}@x.example")
    Membership.objects.create(pk=number, user=member, tenant=tenant, role=Role.VIEWER)
    Invitation.objects.create(
        pk=number, tenant=tenant, email=f"guest-{number}@x.example", role=Role.VIEWER, invited_by=user,
        token_hash=digest(token), expires_at=timezone.now() + timezone.timedelta(days=1),
    )  # fmt: skip
    ApiKey.objects.create(pk=number, tenant=tenant, name="k", hint="abcd", key_hash=digest(f"key-{number}"))
    WebhookRoute.objects.create(pk=uid, tenant=tenant)
    later = timezone.now() + timezone.timedelta(days=1)
    StaffGrant.objects.create(pk=number, tenant=tenant, user=user, reason="r", expires_at=later)
    TopUp.objects.create(pk=number, tenant=tenant, credits=1, currency="brl", amount=100)
    Announcement.objects.create(pk=number, text_en="Soon", shown_until=later)
    Notification.objects.create(pk=number, tenant=tenant, user=user, kind="waiting", key="1", url="/chats/1/")
    PushDevice.objects.create(pk=number, tenant=tenant, user=user, endpoint="https://x.example", session="s")
    return {"str": token, "slug": tenant.slug}


def _no_words(_field: Any) -> None:
    return None


def _make(model: type[models.Model], *, number: int, uid: uuid.UUID, user: User, words: Words) -> None:
    values: dict[str, Any] = dict(ALSO.get(model._meta.label_lower, {}))
    for field in model._meta.concrete_fields:
        if field.name not in values and not isinstance(field, models.GeneratedField):
            said = words(field)
            value = _value(field, number=number, uid=uid, user=user) if said is None else said
            if value is not None:
                values[field.name] = value
    model._base_manager.create(**values)


def _value(field: Any, *, number: int, uid: uuid.UUID, user: User) -> Any:
    """Something that this field takes; None leaves it as it is."""
    if field.is_relation:
        return _related(field, number=number, uid=uid, user=user)
    if field.primary_key:
        return uid if isinstance(field, models.UUIDField) else number
    if isinstance(field, models.FileField):
        return default_storage.save(f"{field.model._meta.db_table}-{number}.png", ContentFile(b"png"))
    if field.null or field.has_default() or field.has_db_default():
        return None
    return _plain(field, number=number)


def _related(field: Any, *, number: int, uid: uuid.UUID, user: User) -> Any:
    if field.related_model is User:
        return user
    key: Any = uid if isinstance(field.related_model._meta.pk, models.UUIDField) else number
    if field.related_model._meta.pk.is_relation and field.related_model._meta.pk.related_model is User:
        key = user.pk  # a row that a person has one of
    return field.related_model._base_manager.filter(pk=key).first()


def _tells_rows_apart(field: Any) -> bool:
    constraints = field.model._meta.constraints
    return any(field.name in one.fields for one in constraints if isinstance(one, models.UniqueConstraint))


def _plain(field: Any, *, number: int) -> Any:
    kinds: dict[type, Any] = {
        models.DateTimeField: timezone.now(),
        models.BooleanField: False,
        models.JSONField: {},
        models.BinaryField: b"{}",
        models.IntegerField: 1,
        models.FloatField: 1.0,
        models.DecimalField: 1,
    }
    if hasattr(field, "dimensions"):
        return [1.0] + [0.0] * ((field.dimensions or DIMENSIONS) - 1)
    if isinstance(field, models.BigIntegerField) and _tells_rows_apart(field):
        return number
    for kind, value in kinds.items():
        if isinstance(field, kind):
            return value
    if field.choices:
        return field.choices[0][0]
    if field.name == "language":
        return "en"
    return f"{number}"[: field.max_length or 40]
