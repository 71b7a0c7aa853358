from django.urls import path

from agents import views

urlpatterns = [path("assistant/publish/", views.publish, name="assistant_publish")]
