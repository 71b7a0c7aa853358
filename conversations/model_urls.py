from django.urls import path

from agents import provider_views
from conversations import model_views, route_views

urlpatterns = [
    path("assistant/models/", model_views.models, name="assistant_models"),
    path("assistant/models/routing/", route_views.routing, name="assistant_model_routing"),
    path("assistant/models/corrections/", route_views.corrections, name="assistant_model_corrections"),
    path("assistant/models/corrections/<int:pk>", route_views.correction, name="assistant_model_correction"),
    path("messages/<int:pk>/intent", route_views.message_intent, name="message_intent"),
    path("assistant/models/new/<slug:vendor>/", provider_views.model_new, name="assistant_model_new"),
    path("assistant/models/<int:pk>/", provider_views.model, name="assistant_model"),
    path("assistant/models/<int:pk>/try", provider_views.model_try, name="assistant_model_try"),
    path("assistant/models/<int:pk>/default", provider_views.model_default, name="assistant_model_default"),
    path("assistant/models/<int:pk>/remove", provider_views.model_remove, name="assistant_model_remove"),
]
