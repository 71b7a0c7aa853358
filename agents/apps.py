from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = _("Assistants")

    def ready(self) -> None:
        from agents import blueprint, own_tools, scenario_blueprint, shipped, tools, tools_blueprint

        tools.register_source(own_tools.tools)
        tools_blueprint.register()
        blueprint.register()
        scenario_blueprint.register()
        shipped.register()
