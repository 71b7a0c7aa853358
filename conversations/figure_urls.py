from django.urls import path

from conversations import digest_views, figure_views

urlpatterns = [
    path("numbers/", figure_views.numbers, name="numbers"),
    path("numbers/export.csv", figure_views.numbers_export, name="numbers_export"),
    path("numbers/list/", figure_views.numbers_list, name="numbers_list"),
    path("numbers/list/export.csv", figure_views.numbers_list_export, name="numbers_list_export"),
    path("numbers/topics/<int:pk>/name", figure_views.numbers_theme, name="numbers_theme"),
    path("account/digest/", digest_views.digest, name="account_digest"),
    path("account/digest/phone", digest_views.digest_phone, name="account_digest_phone"),
    path("account/digest/phone/forget", digest_views.digest_phone_forget, name="account_digest_phone_forget"),
    path("digest/stop/<str:token>", digest_views.digest_stop, name="digest_stop"),
]
