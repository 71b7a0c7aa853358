"""The app that carries the project's own commands and checks."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Commands `up` and the health tasks."""

    name = "config"
    verbose_name = "Frontdesk"

    def ready(self) -> None:
        """Tasks that this process sends go to our broker, and not to the one that Celery assumes."""
        from config import celery  # noqa: F401
