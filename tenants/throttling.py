"""How often a key and an address may call: counted in the cache, told in RateLimit headers."""

import math
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.models import ApiKey

WINDOW = 60  # seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit, and in how many seconds it is whole again."""

    limit: int
    remaining: int
    reset: int


class Rate(BaseThrottle):
    """So many requests a minute. Counted atomically: parallel requests cannot slip through together."""

    name = ""
    setting = ""

    def allow_request(self, request: Request, view: Any) -> bool:
        identity = self.identity(request)
        if not identity:
            return True
        limit, moment = int(getattr(settings, self.setting)), time.time()
        count = _count(f"rate:{self.name}:{identity}:{int(moment // WINDOW)}")
        self.standing = Standing(limit, max(0, limit - count), math.ceil(WINDOW - moment % WINDOW))
        standings(request).append(self.standing)
        return count <= limit

    def wait(self) -> float:
        return float(self.standing.reset)

    def identity(self, request: Request) -> str:
        """Who is counted; empty for nobody."""
        raise NotImplementedError


class AddressRate(Rate):
    """Everybody behind one address, with or without a key."""

    name, setting = "address", "API_ADDRESS_RATE"

    def identity(self, request: Request) -> str:
        return address_of(request._request)


class KeyRate(Rate):
    """One key, or one member."""

    name, setting = "key", "API_KEY_RATE"

    def identity(self, request: Request) -> str:
        if isinstance(request.auth, ApiKey):
            return f"k{request.auth.pk}"
        return f"u{request.user.pk}" if request.user else ""


class AnswerRate(KeyRate):
    """Requests that a model answers, by key: they cost money and a worker's time."""

    name, setting = "answers", "API_ANSWER_RATE"


def address_of(request: HttpRequest) -> str:
    """The caller's address; what a header claims counts only behind as many proxies as are configured."""
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    claimed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if proxies and len(claimed) >= proxies and claimed[-proxies]:
        return claimed[-proxies][:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def standings(request: Request) -> list[Standing]:
    """The limits that this request was counted against."""
    http: Any = request._request
    if not hasattr(http, "rate_standings"):
        http.rate_standings = []
    return http.rate_standings


def headers(request: Request) -> dict[str, str]:
    """The limit that is nearest to its end, as headers."""
    counted = standings(request)
    if not counted:
        return {}
    nearest = min(counted, key=lambda standing: standing.remaining)
    return {
        "RateLimit-Limit": str(nearest.limit),
        "RateLimit-Remaining": str(nearest.remaining),
        "RateLimit-Reset": str(nearest.reset),
    }


def _count(key: str) -> int:
    """This request's number in its window; 0 when the cache is away, which stops nobody."""
    try:
        cache.add(key, 0, timeout=2 * WINDOW)
        return int(cache.incr(key))
    except ValueError:
        return 0
