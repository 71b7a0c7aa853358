"""What the numbers count: talks and what they are about; and who of the team acts by WhatsApp."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from conversations.models.channels import Channel
from conversations.models.threads import Conversation


class Theme(models.Model):
    """What several customers ask about, whatever their words; on screens a topic."""

    name = models.CharField(_("name"), max_length=200)  # a question of a customer's, until a person names it
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    vector = HalfVectorField(editable=False)  # the middle of its questions, of the model `vector_model` names
    vector_model = models.CharField(max_length=120, editable=False)
    weight = models.PositiveIntegerField(default=1, editable=False)  # how many questions made the middle
    created_at = models.DateTimeField(_("first asked"), default=timezone.now)

    class Meta:
        verbose_name = _("topic of customers")
        verbose_name_plural = _("topics of customers")

    def __str__(self) -> str:
        return f"{self.pk}"  # never the name, which may be a customer's own words: this reaches logs


class Talk(models.Model):
    """A part of a thread between two silences, counted: made from the rows and made anew when they change.

    A cache (`conversations.talks`): nothing is decided by it, and it may be dropped and made again.
    """

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="talks")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_index=False)
    first_message = models.BigIntegerField(editable=False)  # the customer's, with which it began
    started_at = models.DateTimeField(_("began"))
    last_at = models.DateTimeField(_("last words"))
    # Who answered first in it; None when no assistant did.
    version = models.ForeignKey(
        "agents.AgentVersion", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    messages = models.PositiveIntegerField(_("messages of the customer"), default=0)
    answers = models.PositiveIntegerField(_("answers of the assistant"), default=0)
    person_messages = models.PositiveIntegerField(_("messages of the team"), default=0)
    unknown = models.PositiveIntegerField(_("questions without an answer"), default=0)
    reply_seconds = models.PositiveIntegerField(_("first reply after"), null=True, blank=True)
    resolve_seconds = models.PositiveIntegerField(_("last reply after"), null=True, blank=True)
    handed_at = models.DateTimeField(_("handed over"), null=True, blank=True)
    handed_reason = models.CharField(_("why"), max_length=80, blank=True)
    credits = models.PositiveIntegerField(_("credits"), default=0)
    provider_cost = models.BigIntegerField(_("vendor's price"), default=0)  # millionths of a US dollar
    unpriced = models.PositiveIntegerField(_("answers without a known price"), default=0)
    # Answers by the tier that a model was asked in; `unasked` are those for which none was.
    fast = models.PositiveIntegerField(default=0)
    balanced = models.PositiveIntegerField(default=0)
    advanced = models.PositiveIntegerField(default=0)
    premium = models.PositiveIntegerField(default=0)
    unasked = models.PositiveIntegerField(default=0)
    score = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True)
    liked = models.BooleanField(_("liked"), default=False)
    disliked = models.BooleanField(_("not liked"), default=False)
    theme = models.ForeignKey(Theme, models.SET_NULL, null=True, blank=True, related_name="talks")
    themed_at = models.DateTimeField(null=True, blank=True, editable=False)  # when its topic was looked for

    class Meta:
        verbose_name = _("talk")
        verbose_name_plural = _("talks")
        constraints = [
            models.UniqueConstraint(fields=["conversation", "first_message"], name="talk_once"),
        ]
        indexes = [
            models.Index(fields=["started_at"], name="talk_when"),
            models.Index(fields=["started_at"], condition=Q(themed_at=None), name="talk_unthemed"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class FigureState(models.Model):
    """How far the talks are counted: at most one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    counted_until = models.DateTimeField(null=True, blank=True)
    repaired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("state of the numbers")
        verbose_name_plural = _("state of the numbers")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_state_of_figures")]

    def __str__(self) -> str:
        return f"{self.counted_until}"


class TeamPhone(models.Model):
    """A member's own WhatsApp: proven by a code that came from it, and what it may be told and do."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", verbose_name=_("channel"))
    code = models.CharField(max_length=64, blank=True, editable=False)  # its digest, never the code
    code_until = models.DateTimeField(null=True, blank=True, editable=False)
    # Whose thread it is, and the chat id that the code came from: both must be the same to act.
    conversation = models.ForeignKey(
        Conversation, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    address = models.CharField(max_length=190, blank=True, editable=False)
    proven_at = models.DateTimeField(_("proven"), null=True, blank=True)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)

    class Meta:
        verbose_name = _("phone of the team")
        verbose_name_plural = _("phones of the team")
        indexes = [
            models.Index(fields=["code"], condition=~Q(code=""), name="team_phone_code"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}"  # never the number: this reaches logs


class TeamAction(models.Model):
    """Something that a member may have done by one tap on the phone: once, and for a while."""

    class Kind(models.TextChoices):
        APPROVE = "approve", _("approve an answer")
        TAKE_OVER = "take_over", _("take a chat over")

    phone = models.ForeignKey(TeamPhone, models.CASCADE, related_name="actions")
    kind = models.CharField(_("what"), max_length=9, choices=Kind)
    target = models.BigIntegerField(_("of"))  # the gap, or the conversation
    undoes = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="undone_by")
    token = models.CharField(max_length=32, unique=True, editable=False)
    # What was seen when it was offered, and what the way back needs: the shape is conversations.team_phones'.
    record = models.JSONField(default=dict, blank=True, editable=False)
    outcome = models.CharField(_("what came of it"), max_length=10, blank=True)
    created_at = models.DateTimeField(_("offered"), default=timezone.now)
    expires_at = models.DateTimeField(_("good until"))
    used_at = models.DateTimeField(_("tapped"), null=True, blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta:
        verbose_name = _("action from a phone")
        verbose_name_plural = _("actions from phones")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes = [
            models.Index(
                fields=["used_at"], condition=Q(used_at__isnull=False, done_at=None), name="team_action_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
