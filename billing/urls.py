from django.urls import path

from billing import views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/ledger.csv", views.ledger_csv, name="ledger_csv"),
]
