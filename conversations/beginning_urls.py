from django.urls import path

from conversations import beginning_views

urlpatterns = [
    path("assistant/blueprints/", beginning_views.blueprints, name="assistant_blueprints"),
    path("assistant/blueprints/begin", beginning_views.blueprint_begin, name="blueprint_begin"),
    path("assistant/blueprints/forget-examples", beginning_views.examples_forget, name="examples_forget"),
]
