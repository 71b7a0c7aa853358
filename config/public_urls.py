"""The installation's own host: signing up, signing in, the platform's back office."""

from django.contrib import admin
from django.urls import include, path

from config import errors, health

urlpatterns = [
    path("health", health.health, name="health"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("config.api_urls")),
    path("payments/", include("billing.public_urls")),
    path("", include("tenants.public_urls")),
]
handler400, handler403, handler404, handler500 = errors.HANDLERS
