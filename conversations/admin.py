"""The back office on a business's host: its conversations and customers, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from conversations import accounting
from conversations.models import (
    Channel,
    Contact,
    ContactIdentity,
    Conversation,
    Incident,
    Message,
    WebhookEvent,
)
from conversations.reasons import in_words
from tenants.backoffice import ReadOnlyAdmin


class MessageInline(TabularInline):
    model = Message
    extra = 0
    can_delete = False
    fields = readonly_fields = ("created_at", "author_kind", "body", "status", "outcome", "outcome_reason")
    ordering = ("pk",)
    per_page = 50


class IdentityInline(TabularInline):
    model = ContactIdentity
    extra = 0
    can_delete = False
    fields = readonly_fields = ("channel", "kind", "value")


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ("id", "contact", "channel", "handler", "status", "unread_count", "last_message_at")
    list_filter = ("handler", "status", "channel")
    search_fields = ("contact__name", "address")
    ordering = ("-last_message_at",)
    list_select_related = ("contact", "channel")
    inlines = (MessageInline,)


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "language", "created_at")
    search_fields = ("name", "identities__value")
    ordering = ("-created_at",)
    inlines = (IdentityInline,)


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "session", "is_active", "status", "status_at", "last_in_at")
    ordering = ("name",)
    exclude = ("api_key", "hmac_secret", "verify_token")


class ByProviderId:
    """Search takes a vendor's id of a message, whole or its unique part, and uses the index for it."""

    search_help_text = _("A message's id as the vendor knows it")

    def matching(self, term: str) -> Q:
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(self.matching(term)) if term.strip() else queryset), False


@admin.register(Message)
class MessageAdmin(ByProviderId, ReadOnlyAdmin):
    list_display = (
        "id", "created_at", "channel", "direction", "kind", "status", "outcome", "reason",
        "terminal_at", "unique_id",
    )  # fmt: skip
    list_filter = ("direction", "status", "outcome", "conversation__channel", "created_at")
    search_fields = ("provider_key",)
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    list_select_related = ("conversation__channel",)
    show_full_result_count = False
    exclude = ("media_source",)

    @admin.display(description=_("channel"))
    def channel(self, message: Message) -> str:
        return message.conversation.channel.name

    @admin.display(description=_("reason"))
    def reason(self, message: Message) -> str:
        """Why it ended as it did, or did not end yet."""
        return message.outcome_reason or in_words(message.error)

    def matching(self, term: str) -> Q:
        return Q(provider_key__in=accounting.keys_of(term))


@admin.register(WebhookEvent)
class WebhookEventAdmin(ByProviderId, ReadOnlyAdmin):
    list_display = ("id", "received_at", "channel", "status", "outcome", "read_at", "attempts")
    list_filter = ("status", "channel", "received_at")
    search_fields = ("traces",)
    date_hierarchy = "received_at"
    ordering = ("-pk",)
    list_select_related = ("channel",)
    show_full_result_count = False
    exclude = ("body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        return super().get_queryset(request).defer("body")

    def matching(self, term: str) -> Q:
        return accounting.traced(term)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "count", "opened_at", "seen_at", "told_at", "cleared_at")
    list_filter = ("kind",)
    ordering = ("-pk",)
