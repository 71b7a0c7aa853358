"""What to say, and with which model: an agent, its versions, and the tenant's model providers."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from providers.addresses import names_host
from tenants.secrets import EncryptedTextField


class Agent(models.Model):
    """Who answers. What it is told is an AgentVersion."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def published(self) -> "AgentVersion | None":
        """What customers are answered with, or None before the first publication."""
        return self.versions.filter(status=AgentVersion.Status.PUBLISHED).order_by("-number").first()

    @property
    def draft(self) -> "AgentVersion | None":
        return self.versions.filter(status=AgentVersion.Status.DRAFT).first()


class AgentVersion(models.Model):
    """Persona, instructions, tiers and tools as of one moment. A published one never changes."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="versions", verbose_name=_("assistant"))
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=9, choices=Status, default=Status.DRAFT)
    persona = models.TextField(_("who it is"), blank=True)
    instructions = models.TextField(_("what it must and must not do"), blank=True)
    greeting = models.TextField(_("greeting"), blank=True)
    tone = models.CharField(_("tone"), max_length=200, blank=True)
    source_line = models.BooleanField(_("name the source under an answer"), default=True)
    memory_messages = models.PositiveSmallIntegerField(_("messages remembered"), default=20)
    memory_minutes = models.PositiveSmallIntegerField(_("minutes remembered"), default=30)
    debounce_seconds = models.DecimalField(
        _("seconds to wait for the customer to finish"), max_digits=4, decimal_places=1, null=True, blank=True
    )
    debounce_ceiling_seconds = models.DecimalField(
        _("seconds after which it answers even if the customer still writes"),
        max_digits=4,
        decimal_places=1,
        null=True,
        blank=True,
    )
    tiers = models.JSONField(_("models by tier"), default=dict, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    # No database constraint: deleting a person must neither change nor be stopped by what was published.
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("published by"),
    )

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering: ClassVar[list[str]] = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["agent"], condition=models.Q(status="draft"), name="one_draft_an_agent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.number}"


class ModelProvider(models.Model):
    """Where a tier's model is asked: the tenant's own key, or a base URL of its choice."""

    class Vendor(models.TextChoices):
        ANTHROPIC = "anthropic", "Anthropic"
        OPENAI = "openai", _("OpenAI or compatible")
        EXTRACTIVE = "extractive", _("quotes from documents, no model")

    name = models.SlugField(_("name"), max_length=40, unique=True)
    vendor = models.CharField(_("vendor"), max_length=12, choices=Vendor)
    base_url = models.URLField(_("base URL"), blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True)
    headers = models.JSONField(_("extra headers"), default=dict, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    speech_model = models.CharField(
        _("model that hears voice notes"), max_length=120, blank=True, default="", db_default=""
    )
    reads_images = models.BooleanField(_("the model reads images"), null=True, blank=True)
    is_default = models.BooleanField(_("used when a tier names none"), default=False)

    class Meta:
        verbose_name = _("model provider")
        verbose_name_plural = _("model providers")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_provider"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def sees(self) -> bool:
        """Whether images may be shown to the model: as the business says, else every Claude does."""
        return self.vendor == self.Vendor.ANTHROPIC if self.reads_images is None else self.reads_images

    @property
    def may_be_private(self) -> bool:
        """Whether the installation lets the base URL lead into a private network; raises ProviderRejected."""
        return bool(self.base_url) and names_host(self.base_url, settings.MODEL_PRIVATE_HOSTS)

    def request_headers(self) -> dict[str, Any]:
        return dict(self.headers or {})
