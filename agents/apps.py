from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = _("Assistants")

    def ready(self) -> None:
        from agents import blueprint, scenario_blueprint, shipped

        blueprint.register()
        scenario_blueprint.register()
        shipped.register()
