from django.urls import path

from conversations import api, teaching_api

urlpatterns = [
    path("health", api.Health.as_view(), name="api_health"),
    path("conversations", api.Conversations.as_view(), name="api_conversations"),
    path("conversations/<int:pk>", api.OneConversation.as_view(), name="api_conversation"),
    path("conversations/<int:pk>/messages", api.ConversationMessages.as_view(), name="api_said"),
    path("conversations/<int:pk>/hand-over", api.HandOver.as_view(), name="api_hand_over"),
    path("conversations/<int:pk>/give-back", api.GiveBack.as_view(), name="api_give_back"),
    path("conversations/<int:pk>/close", api.Close.as_view(), name="api_close"),
    path("messages", api.Messages.as_view(), name="api_messages"),
    path("messages/<int:pk>", api.OneMessage.as_view(), name="api_message"),
    path("sessions", api.Sessions.as_view(), name="api_sessions"),
    path("sessions/<uuid:pk>", api.OneSession.as_view(), name="api_session"),
    path("sessions/<uuid:pk>/messages", api.SessionMessages.as_view(), name="api_session_said"),
    path("knowledge/answers", teaching_api.SettledAnswers.as_view(), name="api_answers"),
    path("knowledge/answers/<int:pk>", teaching_api.OneSettledAnswer.as_view(), name="api_answer"),
    path("knowledge/gaps", teaching_api.Gaps.as_view(), name="api_gaps"),
    path("knowledge/gaps/<int:pk>", teaching_api.OneGap.as_view(), name="api_gap"),
    path("orchestrate", api.Orchestrate.as_view(), name="api_orchestrate"),
]
