from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from conversations import blueprint, channels, hook_blueprint
        from conversations.channels.programs import Programs
        from conversations.channels.trial import Trial
        from conversations.channels.waha import WahaTransport
        from conversations.channels.web import Web

        blueprint.register()
        hook_blueprint.register()
        channels.register("api", Programs())
        channels.register("test", Trial())
        channels.register("waha", WahaTransport())
        channels.register("web", Web())
