from django.urls import path

from conversations import (
    customer_field_views,
    customer_import_views,
    customer_list_views,
    customer_merge_views,
    customer_person_views,
    customer_views,
)

urlpatterns = [
    path("customers/", customer_views.customers, name="customers"),
    path("customers/export.csv", customer_list_views.customers_export, name="customers_export"),
    path("customers/segments", customer_list_views.segment_add, name="customer_segment_add"),
    path(
        "customers/segments/<int:pk>/remove",
        customer_list_views.segment_remove,
        name="customer_segment_remove",
    ),
    path("customers/imports/", customer_import_views.imports, name="customer_imports"),
    path("customers/imports/<int:pk>/", customer_import_views.one_import, name="customer_import"),
    path(
        "customers/imports/<int:pk>/start", customer_import_views.import_start, name="customer_import_start"
    ),
    path("customers/imports/<int:pk>/undo", customer_import_views.import_undo, name="customer_import_undo"),
    path(
        "customers/imports/<int:pk>/progress", customer_import_views.progress, name="customer_import_progress"
    ),
    path(
        "customers/joined/<int:pk>/undo", customer_merge_views.customer_part_again, name="customer_part_again"
    ),
    path("customers/<int:pk>/", customer_views.customer, name="customer"),
    path("customers/<int:pk>/timeline", customer_views.customer_timeline_page, name="customer_timeline"),
    path("customers/<int:pk>/profile", customer_views.customer_profile, name="customer_profile"),
    path("customers/<int:pk>/remember", customer_views.customer_remember, name="customer_remember"),
    path("customers/<int:pk>/forget", customer_views.customer_forget, name="customer_forget"),
    path("customers/<int:pk>/join", customer_merge_views.customer_join, name="customer_join"),
    path("customers/<int:pk>/field", customer_person_views.customer_field, name="customer_field"),
    path("customers/<int:pk>/label", customer_person_views.customer_label, name="customer_label"),
    path("customers/<int:pk>/consent", customer_person_views.customer_consent_note, name="customer_consent"),
    path(
        "customers/<int:pk>/identities",
        customer_person_views.customer_identities_whole,
        name="customer_identities",
    ),
    path("customers/<int:pk>/part", customer_person_views.customer_part, name="customer_part"),
    path("account/fields/", customer_field_views.fields, name="account_fields"),
    path("account/fields/<int:pk>/", customer_field_views.field, name="account_field"),
    path("account/fields/<int:pk>/remove", customer_field_views.field_remove, name="account_field_remove"),
    path("account/fields/<int:pk>/restore", customer_field_views.field_restore, name="account_field_restore"),
    path("account/fields/<int:pk>/move", customer_field_views.field_move, name="account_field_move"),
]
