"""Who writes: customers, how channels know them, what is remembered and allowed."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from conversations.models.channels import Channel
from conversations.models.labels import Label


class Contact(models.Model):
    """A person as the business knows them. A phone number is one identity among others, or none."""

    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    note = models.TextField(_("note"), blank=True)
    labels = models.ManyToManyField(Label, related_name="contacts", blank=True, verbose_name=_("labels"))
    # What they told the assistant of themselves and said yes to: {"email": text, the business's own fields}.
    details = models.JSONField(_("details"), default=dict, db_default={}, blank=True)
    is_minor = models.BooleanField(
        _("a child: nothing is remembered of them"), default=False, db_default=False
    )
    # Since when nothing is sent to them unasked; what they said word for word is in Consent.
    opted_out_at = models.DateTimeField(_("wants no messages since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or str(_("Customer %(number)s") % {"number": self.pk})


class ContactIdentity(models.Model):
    """How one channel knows a contact."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="identities")
    kind = models.CharField(_("kind"), max_length=12)  # c.us, lid, test
    value = models.CharField(_("value"), max_length=190)
    # When the gateway is to be asked who else this is (conversations.identities); None when that is known.
    resolve_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolve_attempts = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [models.UniqueConstraint(fields=["channel", "value"], name="identity_once_a_channel")]
        indexes = [
            models.Index(
                fields=["resolve_at"], condition=Q(resolve_at__isnull=False), name="identity_unresolved"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"  # never the number itself: this reaches logs


class ContactProfile(models.Model):
    """What a business has learnt of a customer from finished talks, kept only within their consent."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="profile", primary_key=True)
    summary = models.TextField(_("summary"), blank=True)
    preferences = models.JSONField(_("preferences"), default=list, blank=True)
    interests = models.JSONField(_("interests"), default=list, blank=True)
    value = models.PositiveSmallIntegerField(_("value, 0 to 100"), default=0)
    value_reasons = models.JSONField(_("why"), default=list, blank=True)
    embedding = HalfVectorField(null=True, blank=True, editable=False)  # of the model `embedding_model` names
    embedding_model = models.CharField(max_length=120, blank=True, editable=False)
    read_until = models.BigIntegerField(default=0, editable=False)  # the last message that went into it
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # when to look again
    edited_at = models.DateTimeField(_("corrected by a person"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated"), null=True, blank=True)

    class Meta:
        verbose_name = _("customer profile")
        verbose_name_plural = _("customer profiles")
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="profile_due")]

    def __str__(self) -> str:
        return f"{self.contact_id}"


class ContactMerge(models.Model):
    """Two customers turned out to be one. What was moved stands here, so that it can be undone."""

    class Reason(models.TextChoices):
        SAME_NUMBER = "number", _("the gateway knows both as one")
        PERSON = "person", _("a person said so")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="merges", verbose_name=_("customer"))
    taken_id = models.BigIntegerField(_("customer that was taken in"))
    reason = models.CharField(_("why"), max_length=8, choices=Reason)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    record = models.JSONField(editable=False)  # the shape is conversations.merging's; {} while it is planned
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # when it is to be done
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        indexes = [
            models.Index(fields=["taken_id"], condition=Q(undone_at__isnull=True), name="merge_taken"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="merge_due"),
        ]

    def __str__(self) -> str:
        return f"{self.taken_id} > {self.contact_id}"


class Consent(models.Model):
    """What a person allowed or withdrew, in their own words. Only ever added; the database keeps it so."""

    class Purpose(models.TextChoices):
        MESSAGES = "messages", _("messages that they did not ask for")
        PROFILE = "profile", _("being remembered from one talk to the next")
        DETAILS = "details", _("keeping what they told of themselves")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents")
    purpose = models.CharField(_("for what"), max_length=12, choices=Purpose, default=Purpose.MESSAGES)
    given = models.BooleanField(_("allowed"))
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, related_name="+")
    message = models.ForeignKey("conversations.Message", models.SET_NULL, null=True, related_name="+")
    words = models.CharField(_("their words"), max_length=80)
    text_version = models.CharField(_("version of our text"), max_length=20)
    # The person of the team who wrote it down; None when the customer said it here.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.purpose} {self.given} {self.pk}"
