from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from django.conf import settings

        from agents import own_addresses
        from agents.models import Agent
        from billing import foresight
        from conversations import (
            asked,
            blueprint,
            channel_cards,
            channels,
            cloud_views,
            conduct_blueprint,
            credit_names,
            customer_blueprint,
            desk_blueprint,
            gate,
            hook_blueprint,
            notice_kinds,
            posts,
            reading_costs,
            reserving,
            tools_identity,
            tools_send,
            tools_talk,
            verifying,
            web_views,
        )
        from conversations.channels.cloud import CloudTransport
        from conversations.channels.programs import Programs
        from conversations.channels.trial import Trial
        from conversations.channels.waha import WahaTransport
        from conversations.channels.web import Web
        from knowledge import assistants
        from providers import push
        from tenants import push_devices

        asked.register()
        assistants.register(lambda: list(Agent.objects.order_by("pk").values_list("pk", "name")))
        blueprint.register()
        channel_cards.register_own()
        conduct_blueprint.register()
        credit_names.register()
        customer_blueprint.register()
        desk_blueprint.register()
        gate.register()
        hook_blueprint.register()
        notice_kinds.register()
        push_devices.register(
            push.WebPush(settings.PUSH_SUBJECT, lambda: settings.PUSH_PRIVATE_HOSTS), push.new_keys
        )
        posts.register()
        reading_costs.register()
        foresight.register_answering(reserving.answering)
        tools_identity.register_all()
        verifying.register_records(own_addresses.has)
        tools_send.register_all()
        tools_talk.register_all()
        channels.register("api", Programs())
        channels.register("cloud", CloudTransport())
        channels.register("test", Trial())
        channels.register("waha", WahaTransport())
        channels.register("web", Web())
        channel_cards.register(
            channel_cards.Card(
                kind="cloud",
                icon="shield-check",
                title=_("WhatsApp Cloud API"),
                pitch=_("A number at Meta itself: official, with templates for those who wrote long ago."),
                template="conversations/_channel_cloud.html",
                add="account_channel_cloud_new",
                context=cloud_views.card,
            )
        )
        channel_cards.register(
            channel_cards.Card(
                kind="web",
                icon="messages-square",
                title=_("Web chat"),
                pitch=_("A chat in the corner of your own site: one line to copy, no cookies."),
                template="conversations/_web_card.html",
                add="web_chat_new",
                settings="web_chat",
                context=web_views.card,
            )
        )
