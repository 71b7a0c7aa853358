from django.urls import path

from conversations import conduct_views

urlpatterns = [
    path("assistant/conduct/", conduct_views.conduct, name="assistant_conduct"),
    path("assistant/vendors/<int:pk>/again", conduct_views.breaker_try, name="breaker_try"),
]
