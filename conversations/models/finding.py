"""What makes messages findable by their words, and what was done to many chats at once."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.messages import Message


class MessageWords(models.Model):
    """The words of one message as the search finds them, written after it came and never while it does.

    `search` holds the stems of the thread's language and the words as they were written, without accents.
    """

    message = models.OneToOneField(
        Message, models.CASCADE, primary_key=True, related_name="findable", verbose_name=_("message")
    )
    language = models.CharField(max_length=2, blank=True)  # of the stems; blank: only words as written
    search = SearchVectorField()

    class Meta:
        verbose_name = _("words of a message")
        verbose_name_plural = _("words of messages")
        indexes = [GinIndex(fields=["search"], name="message_words")]

    def __str__(self) -> str:
        return f"{self.message_id}"


class SearchMark(models.Model):
    """Up to which message every one has its words: at most one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    until = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_search_mark")]

    def __str__(self) -> str:
        return f"{self.until}"


class Tidying(models.Model):
    """What a person did to several chosen chats at once, and what was there before: so it can be undone."""

    class Kind(models.TextChoices):
        LABEL = "label", _("labelled")
        UNLABEL = "unlabel", _("label taken off")
        ASSIGN = "assign", _("assigned")
        READ = "read", _("marked as read")
        UNREAD = "unread", _("marked as unread")
        CLOSE = "close", _("closed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(_("what"), max_length=7, choices=Kind)
    record = models.JSONField(default=dict, editable=False)  # the shapes are conversations.tidying's
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("tidying of chats")
        verbose_name_plural = _("tidyings of chats")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
