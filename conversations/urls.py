from django.urls import path

from conversations import citing_views, ledger_views, message_views, views

urlpatterns = [
    path("", views.today_page, name="today"),
    path("chats/", views.chats, name="chats"),
    path("chats/list", views.chat_list, name="chat_list"),
    path("chats/<int:pk>/", views.chat, name="chat"),
    path("chats/turn/<int:pk>", views.chat_of_turn, name="chat_of_turn"),
    path("chats/<int:pk>/thread", views.chat_thread, name="chat_thread"),
    path("chats/<int:pk>/person", views.chat_person, name="chat_person"),
    path("chats/<int:pk>/send", views.chat_send, name="chat_send"),
    path("chats/<int:pk>/more", message_views.chat_more, name="chat_more"),
    path("chats/<int:pk>/typing", views.chat_typing, name="chat_typing"),
    path("chats/<int:pk>/take-over", views.chat_take_over, name="chat_take_over"),
    path("chats/<int:pk>/give-back", views.chat_give_back, name="chat_give_back"),
    path("chats/<int:pk>/close", views.chat_close, name="chat_close"),
    path("messages/<int:pk>/why", views.message_why, name="message_why"),
    path("chats/passages/<int:pk>", citing_views.chat_passage, name="chat_passage"),
    path("messages/<int:pk>/more", message_views.message_more, name="message_more"),
    path("messages/<int:pk>/react", message_views.message_react, name="message_react"),
    path("messages/<int:pk>/edit", message_views.message_edit, name="message_edit"),
    path("messages/<int:pk>/take-back", message_views.message_take_back, name="message_take_back"),
    path("messages/<int:pk>/retry", views.message_retry, name="message_retry"),
    path("messages/<int:pk>/arrived", views.message_arrived, name="message_arrived"),
    path("media/messages/<int:pk>", views.message_media, name="message_media"),
    path("messages/", ledger_views.message_ledger, name="message_ledger"),
    path("messages/export.csv", ledger_views.message_ledger_export, name="message_ledger_export"),
    path("messages/deliveries/<int:pk>/again", ledger_views.delivery_again, name="delivery_again"),
    path("customers/", views.customers, name="customers"),
    path("customers/<int:pk>/", views.customer, name="customer"),
]
