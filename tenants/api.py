"""How a program is known: by its API key, or by a member's session on the business's own host."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import ApiKey, Role

READS = ("GET", "HEAD", "OPTIONS")


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer fd_…`. The tenant middleware has read the key and entered its schema."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        key: ApiKey | None = getattr(request._request, "api_key", None)
        if key is None:
            return None
        _touch(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MemberAuthentication(SessionAuthentication):
    """A member of the business, signed in on its own host."""

    def authenticate(self, request: Request) -> Any:
        http: HttpRequest = request._request
        if getattr(http, "membership", None) is None:
            return None
        return super().authenticate(request)


class IsMember(BasePermission):
    """A key of this business, or a member; viewers and finance read only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        http = request._request
        if getattr(http, "tenant", None) is None:
            return False
        if isinstance(request.auth, ApiKey):
            return bool(request.auth.tenant_id == http.tenant.pk)  # type: ignore[attr-defined]
        membership = getattr(http, "membership", None)
        if membership is None:
            return False
        return request.method in READS or membership.role in (Role.OWNER, Role.MANAGER, Role.AGENT)


def _touch(key: ApiKey) -> None:
    """Remember the last use, at most once a minute, so that a busy key is not a busy row."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > timedelta(minutes=1):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
