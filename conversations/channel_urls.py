from django.urls import path

from conversations import channel_views

urlpatterns = [
    path("", channel_views.channels, name="account_channels"),
    path("waha/new", channel_views.channel_new_waha, name="account_channel_new_waha"),
    path("<uuid:pk>/", channel_views.channel, name="account_channel"),
    path("<uuid:pk>/pairing", channel_views.channel_pairing, name="channel_pairing"),
    path("<uuid:pk>/code", channel_views.channel_code, name="channel_code"),
    path("<uuid:pk>/edit", channel_views.channel_edit, name="channel_edit"),
    path("<uuid:pk>/gateway", channel_views.channel_gateway, name="channel_gateway"),
    path("<uuid:pk>/delete", channel_views.channel_delete, name="channel_delete"),
    path("<uuid:pk>/on", channel_views.channel_do, {"verb": "on"}, name="channel_on"),
    path("<uuid:pk>/off", channel_views.channel_do, {"verb": "off"}, name="channel_off"),
    path("<uuid:pk>/connect", channel_views.channel_do, {"verb": "connect"}, name="channel_connect"),
    path("<uuid:pk>/restart", channel_views.channel_do, {"verb": "restart"}, name="channel_restart"),
    path("<uuid:pk>/log-out", channel_views.channel_do, {"verb": "log-out"}, name="channel_log_out"),
    path("<uuid:pk>/confirm", channel_views.channel_do, {"verb": "confirm"}, name="channel_confirm"),
]
