"""Who is a customer, and who may act for it. Everything here lives in the public schema."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin

from tenants.kept_ledgers import KeptLedger  # noqa: F401 - a model of this app
from tenants.notices import (  # noqa: F401 - models of this app
    NoticeRules,
    Notification,
    NotificationChoice,
    PushDevice,
    PushKey,
)
from tenants.payments import (  # noqa: F401 - models of this app
    CreditRequest,
    DailyTotal,
    Pack,
    PaymentCustomer,
    PaymentEvent,
    PaymentSweep,
    Refund,
    TopUp,
)
from tenants.platform import (  # noqa: F401 - models of this app
    Announcement,
    Dismissal,
    FeatureFlag,
    Impersonation,
    TaskFailure,
    TenantState,
)
from tenants.secrets import EncryptedTextField

LANGUAGES = [("pt-br", _("Portuguese")), ("en", _("English")), ("es", _("Spanish")), ("fr", _("French"))]


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do in a business is a Membership."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, blank=True)
    is_staff = models.BooleanField(_("back-office staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=now)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email


class Tenant(TenantMixin):
    """A customer business: one schema."""

    class Status(models.TextChoices):
        PROVISIONING = "provisioning", _("being created")
        READY = "ready", _("ready")
        SUSPENDED = "suspended", _("suspended")

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("address"), max_length=40, unique=True)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.PROVISIONING)
    timezone = models.CharField(_("time zone"), max_length=64, default="America/Sao_Paulo")
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, default="pt-br")
    created_at = models.DateTimeField(_("created"), default=now)
    # Which environment names the business file had for its secrets, so that an export names them again.
    references = models.JSONField(default=dict, blank=True, editable=False)
    # Whom customers may ask about their data, as the law wants it named.
    privacy_name = models.CharField(_("who answers for data"), max_length=120, blank=True, db_default="")
    privacy_email = models.EmailField(_("their e-mail"), blank=True, db_default="")
    privacy_url = models.URLField(_("privacy notice"), max_length=300, blank=True, db_default="")

    auto_create_schema = False  # provisioning.create replays the template schema in one transaction

    class Meta:
        verbose_name = _("business")
        verbose_name_plural = _("businesses")

    def __str__(self) -> str:
        return self.name


class Domain(DomainMixin):
    """A host name that leads to a tenant."""

    class Meta:
        verbose_name = _("host name")
        verbose_name_plural = _("host names")

    def __str__(self) -> str:
        return str(self.domain)


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    MANAGER = "manager", _("manager")
    AGENT = "agent", _("agent")
    FINANCE = "finance", _("finance")
    VIEWER = "viewer", _("viewer")


class Membership(models.Model):
    """What a user may do in one business."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships", verbose_name=_("business"))
    role = models.CharField(_("role"), max_length=8, choices=Role)
    created_at = models.DateTimeField(_("created"), default=now)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.tenant} · {self.role}"


def digest(secret: str) -> str:
    """How a high-entropy secret is stored: SHA-256, hex. Not for passwords."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Invitation(models.Model):
    """A seat offered by e-mail; the token itself is never stored."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="invitations", verbose_name=_("business"))
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=8, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, verbose_name=_("invited by"))
    created_at = models.DateTimeField(_("created"), default=now)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"], condition=models.Q(accepted_at=None), name="one_open_invitation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.tenant}"


class ApiKey(models.Model):
    """A program's way in: names its tenant, shown once, stored as a digest."""

    PREFIX = "fd_"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_keys", verbose_name=_("business"))
    name = models.CharField(_("name"), max_length=80)
    # None is every right: the keys from before there were scopes.
    scopes = ArrayField(models.CharField(max_length=24), verbose_name=_("may"), null=True, blank=True)
    hint = models.CharField(_("ends in"), max_length=4, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created"), default=now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ••••{self.hint}"

    @classmethod
    def issue(
        cls, *, tenant: Tenant, name: str, scopes: Sequence[str] | None, created_by: User | None = None
    ) -> tuple["ApiKey", str]:
        """A new key and its secret, which nobody can read again. `scopes` None gives every right."""
        secret = cls.PREFIX + secrets.token_urlsafe(32)
        key = cls.objects.create(
            tenant=tenant,
            name=name,
            scopes=None if scopes is None else sorted(scopes),
            hint=secret[-4:],
            key_hash=digest(secret),
            created_by=created_by,
        )
        return key, secret

    def may(self, scope: str) -> bool:
        """Whether this key has a right; an empty scope is everybody's."""
        return not scope or self.scopes is None or scope in self.scopes


class IdempotentRequest(models.Model):
    """A POST that a program named by its own key, and what it was answered: for a day."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    principal = models.CharField(max_length=40)  # key:7 or user:3
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    claimed_at = models.DateTimeField(default=now)  # who works on it, since when
    status = models.PositiveSmallIntegerField(null=True)  # of the answer; None while it is being made
    response = EncryptedTextField(blank=True)
    effect = models.CharField(
        max_length=40, blank=True, default="", db_default=""
    )  # what it made, in the same commit
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("idempotent request")
        verbose_name_plural = _("idempotent requests")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "principal", "key"], name="idempotency_key_once")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]

    def __str__(self) -> str:
        return f"{self.principal} {self.pk}"


class WebhookRoute(models.Model):
    """The unguessable id of a channel's door, and the tenant that it leads to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="webhook_routes", verbose_name=_("business")
    )
    created_at = models.DateTimeField(_("created"), default=now)

    class Meta:
        verbose_name = _("webhook route")
        verbose_name_plural = _("webhook routes")

    def __str__(self) -> str:
        return str(self.pk)


class SignUp(models.Model):
    """A business that somebody asked for: made in the background, and kept until it is made."""

    class Status(models.TextChoices):
        UNCONFIRMED = "unconfirmed", _("e-mail not confirmed")
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ups", verbose_name=_("user"))
    name = models.CharField(_("business name"), max_length=120)
    slug = models.CharField(_("address"), max_length=40)
    timezone = models.CharField(_("time zone"), max_length=64, default="America/Sao_Paulo")
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, default="pt-br")
    # The name of what it begins with: see tenants.catalogue. Empty begins with nothing.
    blueprint = models.CharField(_("blueprint"), max_length=40, blank=True, default="", db_default="")
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.UNCONFIRMED)
    tenant = models.ForeignKey(
        Tenant, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("business")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=now)
    rung_at = models.DateTimeField(_("last rung"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-up")
        verbose_name_plural = _("sign-ups")
        indexes = [
            models.Index(fields=["rung_at"], condition=models.Q(status="waiting"), name="sign_up_waiting")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=~models.Q(status="done"), name="one_open_sign_up_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.status}"


class AuditEntry(models.Model):
    """Who did what that somebody may have to answer for. Append-only."""

    tenant = models.ForeignKey(Tenant, models.SET_NULL, null=True, blank=True, verbose_name=_("business"))
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, verbose_name=_("who"))
    action = models.CharField(_("action"), max_length=60)
    target = models.CharField(_("on what"), max_length=120, blank=True)
    detail = models.JSONField(_("details"), default=dict, blank=True)
    at = models.DateTimeField(_("when"), default=now)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [models.Index(fields=["tenant", "-at"], name="audit_by_tenant")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"


class StaffGrant(models.Model):
    """Leave for back-office staff to look into one business, for a reason and for a time."""

    user = models.ForeignKey(User, models.CASCADE, related_name="grants", verbose_name=_("staff"))
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", verbose_name=_("business"))
    reason = models.CharField(_("reason"), max_length=200)
    granted_by = models.ForeignKey(
        User, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("granted by")
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("staff grant")
        verbose_name_plural = _("staff grants")

    def __str__(self) -> str:
        return f"{self.user} · {self.tenant}"


class EntryTicket(models.Model):
    """A one-minute, one-use way for a signed-in person from one host to another."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, models.CASCADE)
    tenant = models.ForeignKey(Tenant, models.CASCADE)
    # Staff that looks at the business as one of its members; empty for everybody else.
    impersonation = models.ForeignKey(Impersonation, models.CASCADE, null=True, related_name="+")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} → {self.tenant}"

    def is_good(self, *, now: datetime) -> bool:
        return self.expires_at > now


class VendorPrice(models.Model):
    """What a vendor takes for a model's use, from a moment on: the world's prices, no business's own.

    Millionths of a US dollar per million tokens of each kind, per hour heard, per million characters spoken;
    empty where the list says nothing of a kind.
    """

    class Source(models.TextChoices):
        PACKAGE = "package", _("price package")
        OPERATOR = "operator", _("entered here")

    # A vendor's list of prices, or the host of a server that has its own: providers.registry.price_list.
    price_list = models.CharField(_("price list"), max_length=120)
    model = models.CharField(_("model"), max_length=160)
    source = models.CharField(_("from"), max_length=8, choices=Source, default=Source.OPERATOR)
    input_per_million = models.PositiveBigIntegerField(_("read"), null=True, blank=True)
    output_per_million = models.PositiveBigIntegerField(_("written"), null=True, blank=True)
    cache_read_per_million = models.PositiveBigIntegerField(_("read from cache"), null=True, blank=True)
    cache_write_per_million = models.PositiveBigIntegerField(_("put into cache"), null=True, blank=True)
    audio_input_per_million = models.PositiveBigIntegerField(_("heard"), null=True, blank=True)
    audio_output_per_million = models.PositiveBigIntegerField(_("spoken"), null=True, blank=True)
    heard_per_hour = models.PositiveBigIntegerField(_("an hour heard"), null=True, blank=True)
    spoken_per_million = models.PositiveBigIntegerField(
        _("a million characters spoken"), null=True, blank=True
    )
    effective_from = models.DateTimeField(_("from when on"))

    class Meta:
        verbose_name = _("vendor's price")
        verbose_name_plural = _("vendors' prices")
        constraints = [
            models.UniqueConstraint(
                fields=["price_list", "model", "source", "effective_from"], name="vendor_price_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.price_list} {self.model} {self.effective_from:%Y-%m-%d}"


from tenants.digest_choices import DigestChoice  # noqa: E402, F401 - a model of this app
