"""The app that carries the project's own commands and checks."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Commands `up` and the health tasks."""

    name = "config"
    verbose_name = "Frontdesk"
