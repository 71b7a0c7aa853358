from django.urls import path

from conversations import canned_views, composer_views, later_views, thread_views

urlpatterns = [
    path("chats/<int:pk>/thread", thread_views.chat_thread, name="chat_thread"),
    path("chats/<int:pk>/older", thread_views.chat_older, name="chat_older"),
    path("chats/<int:pk>/newer", thread_views.chat_newer, name="chat_newer"),
    path("chats/<int:pk>/presence", thread_views.chat_presence, name="chat_presence"),
    path("chats/<int:pk>/here", thread_views.chat_here, name="chat_here"),
    path("chats/<int:pk>/typing", thread_views.chat_typing, name="chat_typing"),
    path("chats/<int:pk>/sent", thread_views.chat_sent, name="chat_sent"),
    path("chats/<int:pk>/send", composer_views.chat_send, name="chat_send"),
    path("chats/<int:pk>/notes", composer_views.chat_note, name="chat_note"),
    path("chats/<int:pk>/notes/back", composer_views.note_bring_back, name="note_bring_back"),
    path("chats/<int:pk>/pick", composer_views.chat_pick, name="chat_pick"),
    path("chats/<int:pk>/suggest", composer_views.chat_suggest, name="chat_suggest"),
    path("chats/<int:pk>/later", later_views.chat_later, name="chat_later"),
    path("chats/later/", later_views.later, name="chats_later"),
    path("notes/<int:pk>/edit", composer_views.note_edit, name="note_edit"),
    path("notes/<int:pk>/remove", composer_views.note_remove, name="note_remove"),
    path("suggestions/<int:pk>", composer_views.suggestion, name="suggestion"),
    path("messages/<int:pk>/bubble", thread_views.message_bubble, name="message_bubble"),
    path("messages/<int:pk>/translate", thread_views.message_translate, name="message_translate"),
    path("follow-ups/<int:pk>/edit", later_views.follow_up_edit, name="follow_up_edit"),
    path("follow-ups/<int:pk>/stop", later_views.follow_up_stop, name="follow_up_stop"),
    path("follow-ups/<int:pk>/go-on", later_views.follow_up_go_on, name="follow_up_go_on"),
    path("follow-ups/<int:pk>/now", later_views.follow_up_now, name="follow_up_now"),
    path("account/replies/", canned_views.replies, name="account_replies"),
    path("account/replies/back", canned_views.reply_bring_back, name="account_replies_bring_back"),
    path("account/replies/<int:pk>/", canned_views.reply, name="account_reply"),
    path("account/replies/<int:pk>/remove", canned_views.reply_remove, name="account_reply_remove"),
]
