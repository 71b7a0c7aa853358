"""The back office on a business's host: its conversations and customers, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action

from conversations import accounting, masking, trouble, trouble_views  # noqa: F401 - the last has pages
from conversations.models import (
    Channel,
    Contact,
    ContactIdentity,
    Conversation,
    HookDelivery,
    Incident,
    Message,
    WebhookEvent,
)
from conversations.reasons import in_words
from tenants.backoffice import ReadOnlyAdmin
from tenants.models import User


def _who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


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
    actions = ("send_again",)

    @admin.display(description=_("channel"))
    def channel(self, message: Message) -> str:
        return message.conversation.channel.name

    @admin.display(description=_("reason"))
    def reason(self, message: Message) -> str:
        """Why it ended as it did, or did not end yet."""
        return message.outcome_reason or in_words(message.error)

    def matching(self, term: str) -> Q:
        return Q(provider_key__in=accounting.keys_of(term))

    def has_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversations.change_message"))

    @admin.action(description=_("Send again what was not sent"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        kind = trouble.KINDS["failed"]
        chosen = list(queryset.filter(status__in=["failed", "unknown"]).values_list("pk", flat=True)[:200])
        done = trouble.again(kind, chosen, user=_who(request), now=timezone.now())
        self.message_user(
            request, ngettext("%(n)s is tried again.", "%(n)s are tried again.", done) % {"n": done}
        )


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
    readonly_fields = ("what_it_said",)
    actions = ("replay",)
    actions_detail = ("replay_one",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        return super().get_queryset(request).defer("body")

    @admin.display(description=_("what it said, masked"))
    def what_it_said(self, event: WebhookEvent) -> str:
        """Its shape without the words and numbers of a customer."""
        return format_html('<pre class="bo-raw">{}</pre>', masking.masked(bytes(event.body)))

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversations.change_webhookevent"))

    @admin.action(description=_("Read again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        done = self._read_again(request, list(queryset.values_list("pk", flat=True)[:200]))
        self.message_user(
            request, ngettext("%(n)s is tried again.", "%(n)s are tried again.", done) % {"n": done}
        )

    @action(description=_("Read again"), url_path="replay", permissions=["replay"])
    def replay_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        back = reverse("admin:conversations_webhookevent_change", args=[object_id])
        if request.method != "POST":
            site: Any = self.admin_site
            about = gettext("What was kept of it is found again by its id: nothing happens twice.")
            return site.sure(
                request,
                title=gettext("Read again"),
                about=about,
                back=back,
                row=self.get_object(request, object_id),
            )
        if object_id.isdigit() and self._read_again(request, [int(object_id)]):
            self.message_user(request, gettext("It is being read once more."))
        return redirect(back)

    def _read_again(self, request: HttpRequest, pks: list[int]) -> int:
        return trouble.again(trouble.KINDS["events"], pks, user=_who(request), now=timezone.now())

    def matching(self, term: str) -> Q:
        return accounting.traced(term)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "count", "opened_at", "seen_at", "told_at", "cleared_at")
    list_filter = ("kind",)
    ordering = ("-pk",)


@admin.register(HookDelivery)
class HookDeliveryAdmin(ReadOnlyAdmin):
    """What the business's own systems were told, without the words of it."""

    list_display = (
        "id", "created_at", "endpoint", "kind", "status", "attempts", "response_status", "error",
        "next_try_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "created_at")
    search_fields = ("event_id",)
    ordering = ("-pk",)
    list_select_related = ("endpoint",)
    show_full_result_count = False
    exclude = ("body", "response")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HookDelivery]:
        return super().get_queryset(request).defer("body", "response")
