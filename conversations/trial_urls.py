from django.urls import path

from conversations import trial_views, welcome_views

urlpatterns = [
    path("assistant/try/", trial_views.try_page, name="assistant_try"),
    path("assistant/try/panel", trial_views.try_panel, name="try_panel"),
    path("assistant/try/thread", trial_views.try_thread, name="try_thread"),
    path("assistant/try/send", trial_views.try_send, name="try_send"),
    path("assistant/try/anew", trial_views.try_restart, name="try_restart"),
    path("assistant/try/go-on", trial_views.try_go_on, name="try_go_on"),
    path("assistant/try/aside/<int:pk>", trial_views.try_bring_back, name="try_bring_back"),
    path("welcome/", welcome_views.welcome, name="welcome"),
    path("welcome/teach", welcome_views.welcome_teach, name="welcome_teach"),
]
