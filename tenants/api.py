"""How a program is known, by its API key or by a member's session, and what it may do."""

import json
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.models import ApiKey, Role
from tenants.problems import Problem

READS = ("GET", "HEAD", "OPTIONS")
# What a key may be allowed. The least is the default on the page: to read conversations.
SCOPES = {
    "conversations:read": _("read conversations, messages and sessions"),
    "conversations:write": _("open and end sessions, hand conversations over, close them"),
    "messages:send": _("send messages to customers"),
    "orchestrate": _("ask the assistant, which costs credits"),
    "knowledge:read": _("search and list documents"),
    "knowledge:write": _("add and delete documents"),
}


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer fd_…`. The tenant middleware has read the key and entered its schema."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        key: ApiKey | None = getattr(request._request, "api_key", None)
        if key is None:
            if request.headers.get("Authorization", "").lower().startswith("bearer"):
                raise AuthenticationFailed("This key is none of ours, or was taken back.")
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
    """A key of this business with the right that the view asks for, or a member; some members read only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        http = request._request
        if getattr(http, "tenant", None) is None:
            return False
        if isinstance(request.auth, ApiKey):
            return bool(request.auth.tenant_id == http.tenant.pk and _allows(request.auth, request, view))  # type: ignore[attr-defined]
        membership = getattr(http, "membership", None)
        if membership is None:
            return False
        return request.method in READS or membership.role in (Role.OWNER, Role.MANAGER, Role.AGENT)


def _allows(key: ApiKey, request: Request, view: Any) -> bool:
    scope = getattr(view, "scopes", {}).get("GET" if request.method == "HEAD" else request.method, "")
    if not key.may(scope):
        raise Problem(403, f"This key does not have the right {scope}.", kind="scope", scope=scope)
    return True


class JSON(JSONParser):
    """JSON whose depth fits the interpreter and whose text fits the database."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            parsed = super().parse(stream, media_type, parser_context)
            json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except UnicodeEncodeError:
            raise ParseError("The JSON has half of a character.") from None
        return parsed


def _touch(key: ApiKey) -> None:
    """Remember the last use, at most once a minute, so that a busy key is not a busy row."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > timedelta(minutes=1):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
