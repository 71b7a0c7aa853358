"""The back office on a business's host: its conversations and customers, to look at."""

from django.contrib import admin
from unfold.admin import TabularInline

from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message
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
    exclude = ("api_key", "hmac_secret")
