from django.urls import path

from conversations import hook_views as views

urlpatterns = [
    path("account/integrations/", views.integrations, name="account_integrations"),
    path("account/integrations/<int:pk>/", views.integration, name="account_integration"),
    path("account/integrations/<int:pk>/log", views.integration_log, name="integration_log"),
    path("account/integrations/<int:pk>/rotate", views.integration_rotate, name="integration_rotate"),
    path("account/integrations/<int:pk>/test", views.integration_test, name="integration_test"),
    path("account/integrations/<int:pk>/switch", views.integration_switch, name="integration_switch"),
    path("account/integrations/<int:pk>/remove", views.integration_remove, name="integration_remove"),
    path("account/integrations/events/<int:pk>/replay", views.hook_replay, name="hook_replay"),
]
