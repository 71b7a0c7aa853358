from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    verbose_name = _("Knowledge")

    def ready(self) -> None:
        from knowledge import blueprint, kinds
        from knowledge.baserow_reader import BaserowReader
        from knowledge.drive_reader import DriveReader

        blueprint.register()
        kinds.register("baserow", BaserowReader)
        kinds.register("drive", DriveReader)
