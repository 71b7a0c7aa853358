from django.urls import path

from conversations import web_views

urlpatterns = [
    path("account/web-chat/new", web_views.web_chat_new, name="web_chat_new"),
    path("account/web-chat/<uuid:pk>", web_views.web_chat_settings, name="web_chat"),
    path("account/web-chat/<uuid:pk>/try", web_views.web_chat_try, name="web_chat_try"),
    path("widget-demo", web_views.widget_demo, name="widget_demo"),
]
