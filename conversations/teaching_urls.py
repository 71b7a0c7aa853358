from django.urls import path

from conversations import settled_views, teaching_views

urlpatterns = [
    path("assistant/gaps/", teaching_views.teach_gaps, name="teach_gaps"),
    path("assistant/gaps/<int:pk>/approve", teaching_views.gap_approve, name="gap_approve"),
    path("assistant/gaps/<int:pk>/draft", teaching_views.gap_draft, name="gap_draft"),
    path("assistant/gaps/<int:pk>/dismiss", teaching_views.gap_dismiss, name="gap_dismiss"),
    path("assistant/gaps/<int:pk>/reopen", teaching_views.gap_reopen, name="gap_reopen"),
    path("assistant/gaps/<int:pk>/merge", teaching_views.gap_merge, name="gap_merge"),
    path("assistant/gaps/<int:pk>/tell", teaching_views.gap_tell, name="gap_tell"),
    path("assistant/settled/", settled_views.teach_settled, name="teach_settled"),
    path("assistant/settled/ask-again", settled_views.ask_again, name="teach_ask_again"),
    path("assistant/settled/<int:pk>/", settled_views.teach_answer, name="teach_answer"),
    path("assistant/settled/<int:pk>/switch", settled_views.answer_switch, name="answer_switch"),
    path("assistant/settled/<int:pk>/delete", settled_views.answer_delete, name="answer_delete"),
    path("messages/<int:pk>/teach", teaching_views.message_teach, name="message_teach"),
]
