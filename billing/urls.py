from django.urls import path

from billing import foresight_views, spending_views, statement_views, topup_views, views

urlpatterns = [
    path("account/", views.account, name="account"),
    path("account/you/", views.you, name="account_you"),
    path("account/limits", spending_views.set_limits, name="account_limits"),
    path("account/statements/", statement_views.months, name="account_statements"),
    path("account/statements/<slug:month>/", statement_views.month, name="account_statement"),
    path(
        "account/statements/<slug:month>/entries",
        statement_views.entries,
        name="account_statement_entries",
    ),
    path(
        "account/statements/<slug:month>/statement.csv",
        statement_views.groups_csv,
        name="account_statement_csv",
    ),
    path(
        "account/statements/<slug:month>/statement.pdf",
        statement_views.pdf,
        name="account_statement_pdf",
    ),
    path("account/ledger.csv", views.ledger_csv, name="ledger_csv"),
    path("account/buy", topup_views.buy, name="account_buy"),
    path("account/topups/<int:pk>/", topup_views.topup, name="account_topup"),
    path("account/topups/<int:pk>/pay", topup_views.pay, name="account_topup_pay"),
    path("account/topups/<int:pk>/cancel", topup_views.cancel, name="account_topup_cancel"),
    path("account/card/drop", topup_views.drop_card, name="account_card_drop"),
    path("account/portal", topup_views.portal, name="account_portal"),
    path("account/warnings", foresight_views.credits_warnings, name="account_warnings"),
    path("account/recharge", foresight_views.recharge_on, name="account_recharge"),
    path("account/recharge/off", foresight_views.recharge_off, name="account_recharge_off"),
    path("account/recharge/preview", foresight_views.recharge_preview, name="account_recharge_preview"),
    path("account/recharge/confirm", foresight_views.recharge_confirm, name="account_recharge_confirm"),
]
