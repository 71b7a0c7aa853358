"""The app that knows who is a customer business and who may act for it."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "tenants"
    default = True
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Businesses and people")


class BackOfficeConfig(admin_apps.AdminConfig):
    """Django's admin, with our site in it."""

    default_site = "tenants.backoffice.BackOffice"
    default = False
