from django.urls import path

from conversations import cloud_views, template_views

urlpatterns = [
    path("account/channels/cloud/new", cloud_views.cloud_new, name="account_channel_cloud_new"),
    path("account/channels/<uuid:pk>/access", cloud_views.cloud_access, name="account_channel_cloud_access"),
    path("account/channels/<uuid:pk>/deliveries", cloud_views.cloud_deliveries, name="cloud_deliveries"),
    path("account/channels/<uuid:pk>/templates", cloud_views.cloud_templates, name="cloud_templates"),
    path("account/channels/<uuid:pk>/late", cloud_views.cloud_late, name="cloud_late"),
    path("chats/<int:pk>/window", template_views.chat_window, name="chat_window"),
    path("chats/<int:pk>/template", template_views.chat_template, name="chat_template"),
]
