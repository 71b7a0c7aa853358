from django.urls import path

from tenants import views_public

urlpatterns = [
    path("", views_public.landing, name="landing"),
    path("new/", views_public.new_business, name="new_business"),
    path("creating/", views_public.creating, name="creating"),
    path("creating/progress", views_public.progress, name="creating_progress"),
    path("enter/<slug:slug>/", views_public.enter, name="enter"),
]
