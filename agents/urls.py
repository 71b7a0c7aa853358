from django.urls import path

from agents import hiring_views, views

urlpatterns = [
    path("assistant/publish/", views.publish, name="assistant_publish"),
    path("assistant/<int:pk>/draft", views.draft, name="assistant_draft"),
    path("assistant/<int:pk>/draft/state", views.draft_state, name="assistant_draft_state"),
    path("assistant/<int:pk>/draft/discard", views.draft_discard, name="assistant_draft_discard"),
    path("assistant/<int:pk>/review", views.review, name="assistant_review"),
    path("assistant/versions/<int:pk>/", views.version, name="assistant_version"),
    path("assistant/versions/<int:pk>/revert", views.revert, name="assistant_revert"),
    path("assistant/all/", hiring_views.agents, name="assistants"),
    path("assistant/<int:pk>/copy", hiring_views.copy, name="assistant_copy"),
    path("assistant/<int:pk>/rename", hiring_views.rename, name="assistant_rename"),
    path("assistant/<int:pk>/retire", hiring_views.retire, name="assistant_retire"),
    path("assistant/<int:pk>/bring-back", hiring_views.bring_back, name="assistant_bring_back"),
]
