from django.urls import path

from conversations import desk_page_views, desk_report_views, desk_views, todo_views

urlpatterns = [
    path("chats/<int:pk>/head", desk_views.chat_head, name="chat_head"),
    path("chats/<int:pk>/take-over", desk_views.chat_take_over, name="chat_take_over"),
    path("chats/<int:pk>/give-back", desk_views.chat_give_back, name="chat_give_back"),
    path("chats/<int:pk>/close", desk_views.chat_close, name="chat_close"),
    path("chats/<int:pk>/reopen", desk_views.chat_reopen, name="chat_reopen"),
    path("chats/<int:pk>/desk", desk_views.chat_desk, name="chat_desk"),
    path("chats/<int:pk>/todos", todo_views.chat_todos, name="chat_todos"),
    path("todos/", todo_views.todos, name="todos"),
    path("todos/<int:pk>/done", todo_views.todo_change, {"verb": "done"}, name="todo_done"),
    path("todos/<int:pk>/undo", todo_views.todo_change, {"verb": "undo"}, name="todo_undo"),
    path("todos/<int:pk>/keep", todo_views.todo_change, {"verb": "keep"}, name="todo_keep"),
    path("desk/away", todo_views.desk_away, name="desk_away"),
    path("account/desk/", desk_page_views.account_desk, name="account_desk"),
    path("numbers/agreed-times/", desk_report_views.agreed_times, name="agreed_times"),
    path("numbers/agreed-times.csv", desk_report_views.agreed_times_export, name="agreed_times_export"),
]
