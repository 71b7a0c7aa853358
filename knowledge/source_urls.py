from django.urls import path

from knowledge import source_views, written_views

urlpatterns = [
    path("add/text", written_views.text, name="teach_text_new"),
    path("add/pairs", written_views.pairs_new, name="teach_pairs_new"),
    path("add/pairs/import", written_views.pairs_import, name="teach_pairs_import"),
    path("add/<slug:kind>", source_views.add, name="teach_add"),
    path("texts/<int:pk>", written_views.text, name="teach_text"),
    path("pairs/<int:pk>", written_views.pairs_edit, name="teach_pairs"),
    path("documents/<int:pk>/reach", source_views.document_reach, name="teach_reach"),
    path("sources/<int:pk>", source_views.source, name="teach_source"),
    path("sources/<int:pk>/refresh", source_views.refresh, name="teach_source_refresh"),
    path("sources/<int:pk>/pause", source_views.pause, name="teach_source_pause"),
    path("sources/<int:pk>/remove", source_views.remove, name="teach_source_remove"),
]
