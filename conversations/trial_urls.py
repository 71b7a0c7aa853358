from django.urls import path

from conversations import trial_views

urlpatterns = [
    path("assistant/try/", trial_views.try_page, name="assistant_try"),
    path("assistant/try/thread", trial_views.try_thread, name="try_thread"),
    path("assistant/try/send", trial_views.try_send, name="try_send"),
    path("welcome/", trial_views.welcome, name="welcome"),
    path("welcome/teach", trial_views.welcome_teach, name="welcome_teach"),
]
