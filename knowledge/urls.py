from django.urls import path

from knowledge import box_views, document_views, flag_views, review_views, search_model_views, views

urlpatterns = [
    path("assistant/", views.teach, name="assistant"),
    path("assistant/documents/upload", views.upload, name="documents_upload"),
    path("assistant/test/", box_views.teach_test, name="teach_test"),
    path("assistant/flags/", flag_views.teach_flags, name="teach_flags"),
    path("assistant/flags/<int:pk>/dismiss", flag_views.flag_dismiss, name="flag_dismiss"),
    path("assistant/flags/<int:pk>/disable", flag_views.flag_disable, name="flag_disable"),
    path("assistant/documents/<int:pk>", views.row, name="document_row"),
    path("assistant/documents/<int:pk>/", document_views.document, name="document"),
    path("assistant/documents/<int:pk>/page", document_views.document_page, name="document_page"),
    path("assistant/documents/<int:pk>/file", document_views.document_file, name="document_file"),
    path("assistant/documents/<int:pk>/review", review_views.document_review, name="document_review"),
    path("assistant/documents/<int:pk>/accept", review_views.document_accept, name="document_accept"),
    path("assistant/documents/<int:pk>/discard", review_views.document_discard, name="document_discard"),
    path("assistant/passages/<int:pk>", document_views.passage, name="passage"),
    path("assistant/passages/<int:pk>/edit", document_views.passage_edit, name="passage_edit"),
    path("assistant/passages/<int:pk>/switch", document_views.passage_switch, name="passage_switch"),
    path("assistant/documents/<int:pk>/delete", views.delete, name="document_delete"),
    path("assistant/documents/<int:pk>/again", views.again, name="document_again"),
    path("account/search/", search_model_views.search_models, name="account_search"),
    path("account/search/state", search_model_views.search_models_state, name="account_search_state"),
    path("account/search/embedding", search_model_views.embedding, name="account_search_embedding"),
    path("account/search/embedding/again", search_model_views.embedding_again, name="account_search_again"),
    path("account/search/embedding/stop", search_model_views.embedding_stop, name="account_search_stop"),
    path("account/search/reranker", search_model_views.reranker, name="account_search_reranker"),
]
