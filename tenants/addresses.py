"""The URLs of the installation and of its businesses, as a browser or a gateway must call them."""

from django.conf import settings

from tenants.models import Domain, Tenant


def url_of(host: str, path: str = "/") -> str:
    """An absolute URL; in development with the port, in production behind a proxy without."""
    port = f":{settings.PORT}" if settings.PUBLIC_SCHEME == "http" else ""
    return f"{settings.PUBLIC_SCHEME}://{host}{port}{path}"


def public_url(path: str = "/") -> str:
    """A page of the installation's own host."""
    return url_of(settings.BASE_DOMAIN, path)


def host_of(tenant: Tenant) -> str:
    """The host that a business is found at first."""
    domains = Domain.objects.filter(tenant=tenant).order_by("-is_primary", "pk")
    return str(domains.values_list("domain", flat=True)[0])


def tenant_url(tenant: Tenant, path: str = "/") -> str:
    """A page of a business."""
    return url_of(host_of(tenant), path)
