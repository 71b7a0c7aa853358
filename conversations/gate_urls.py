from django.urls import path

from conversations import experiment_views, gate_views, scenario_views

urlpatterns = [
    path("assistant/publish/cases/", gate_views.cases, name="assistant_publish_cases"),
    path("assistant/publish/cases/ask", gate_views.ask, name="assistant_publish_ask"),
    path("assistant/publish/cases/box", gate_views.box, name="assistant_publish_box"),
    path("assistant/publish/cases/<int:pk>/", gate_views.evaluation, name="assistant_publish_evaluation"),
    path("assistant/publish/scenarios/", scenario_views.scenarios, name="assistant_publish_scenarios"),
    path("assistant/publish/scenarios/<int:pk>/pin", scenario_views.pin, name="scenario_pin"),
    path("assistant/publish/scenarios/<int:pk>/delete", scenario_views.delete, name="scenario_delete"),
    path("assistant/publish/compare/", experiment_views.compare, name="assistant_publish_compare"),
    path("assistant/publish/compare/<int:pk>/end", experiment_views.end, name="experiment_end"),
]
