from django.urls import path

from agents import tool_shelf_views as shelf
from agents import tool_views as views

urlpatterns = [
    path("assistant/tools/", views.tools, name="assistant_tools"),
    path("assistant/tools/switch", views.switch, name="assistant_tool_switch"),
    path("assistant/tools/add/http", views.add, {"kind": "http"}, name="assistant_tool_add_http"),
    path(
        "assistant/tools/add/table", views.add, {"kind": "records", "store": "table"},
        name="assistant_tool_add_table",
    ),
    path(
        "assistant/tools/add/baserow", views.add, {"kind": "records", "store": "baserow"},
        name="assistant_tool_add_baserow",
    ),
    path(
        "assistant/tools/add/sheets", views.add, {"kind": "records", "store": "sheets"},
        name="assistant_tool_add_sheets",
    ),
    path(
        "assistant/tools/add/list", views.add, {"kind": "records", "store": "http"},
        name="assistant_tool_add_list",
    ),
    path("assistant/tools/add/mcp", views.add, {"kind": "mcp"}, name="assistant_tool_add_mcp"),
    path("assistant/tools/<int:pk>/", views.tool, name="assistant_tool"),
    path("assistant/tools/<int:pk>/pause", views.pause, name="assistant_tool_pause"),
    path("assistant/tools/<int:pk>/remove", views.remove, name="assistant_tool_remove"),
    path("assistant/tools/tables/add", shelf.table_add, name="assistant_table_add"),
    path("assistant/tools/tables/<int:pk>/", shelf.table, name="assistant_table"),
    path("assistant/tools/tables/<int:pk>/remove", shelf.table_remove, name="assistant_table_remove"),
    path("assistant/tools/keys", shelf.secret_keep, name="assistant_key_keep"),
    path("assistant/tools/keys/<int:pk>/remove", shelf.secret_remove, name="assistant_key_remove"),
]  # fmt: skip
