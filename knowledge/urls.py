from django.urls import path

from knowledge import views

urlpatterns = [
    path("assistant/", views.teach, name="assistant"),
    path("assistant/documents/upload", views.upload, name="documents_upload"),
    path("assistant/documents/<int:pk>", views.row, name="document_row"),
    path("assistant/documents/<int:pk>/delete", views.delete, name="document_delete"),
    path("assistant/documents/<int:pk>/again", views.again, name="document_again"),
]
