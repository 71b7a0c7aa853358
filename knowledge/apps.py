from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    verbose_name = _("Knowledge")

    def ready(self) -> None:
        from knowledge import answers_blueprint, blueprint, kinds, search_model_blueprint
        from knowledge.baserow_reader import BaserowReader
        from knowledge.drive_reader import DriveReader
        from knowledge.pages import PageReader
        from knowledge.sites import SiteReader

        search_model_blueprint.register()  # before documents, which are embedded
        blueprint.register()
        answers_blueprint.register()
        kinds.register("baserow", BaserowReader)
        kinds.register("drive", DriveReader)
        kinds.register("page", PageReader)
        kinds.register("site", SiteReader)
