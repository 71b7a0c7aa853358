"""What every resource of the API is made of.

A `View` names the right that each method needs, and gets throttles, a limit of size, idempotency keys and
problem details with it.
"""

from base64 import b64decode
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import idempotency, throttling
from tenants.models import IdempotentRequest
from tenants.problems import ParameterError, Problem

MAX_BODY = 64 * 1024


class View(APIView):
    """A resource of the API."""

    scopes: ClassVar[Mapping[str, str]] = {}  # method: the right that it needs
    parameters: ClassVar[Collection[str]] = ()  # what the query string may have
    max_body = MAX_BODY
    throttle_classes = [throttling.KeyRate]
    pagination_class: Any = None
    filter_backends: Any = ()
    claim: IdempotentRequest | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Before the handler: cheap refusals first, and the claim of a named request last."""
        address = throttling.AddressRate()
        if not address.allow_request(request, self):
            self.throttled(request, address.wait())
        self._check_size(request)
        super().initial(request, *args, **kwargs)
        self._check_parameters(request)
        if request.method == "POST" and hasattr(self, "post"):
            self.claim = idempotency.claim(request, now=timezone.now())
            if self.claim is not None and (earlier := idempotency.answered(self.claim)) is not None:
                raise _Replay(earlier)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _Replay):
            self.claim = None
            return exc.response
        try:
            return super().handle_exception(exc)
        except Exception:
            if self.claim is not None:
                idempotency.reopen(self.claim)
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in throttling.headers(request).items():
            response[name] = value
        if self.claim is not None:
            rendered = JSONRenderer().render(response.data) if response.data is not None else b""
            idempotency.close(self.claim, response, rendered)
        return response

    def _check_size(self, request: Request) -> None:
        length = str(request.META.get("CONTENT_LENGTH") or "")
        if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
            raise Problem(411, "Say the Content-Length.")
        if length and not (length.isdigit() and int(length[:12]) <= self.max_body):
            raise Problem(413, f"At most {self.max_body} bytes are taken here.")

    def _check_parameters(self, request: Request) -> None:
        unknown = sorted(set(request.query_params) - set(self.parameters))
        if unknown:
            raise ParameterError({name[:80]: ["is not known here"] for name in unknown})


class _Replay(Exception):
    """A named request that was answered before."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Page(CursorPagination):
    """Newest first by id; `cursor` is opaque, `limit` up to 200."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    PARAMETERS = ("cursor", "limit")

    def decode_cursor(self, request: Request) -> Any:
        """The cursor; a made-up one is an error of the caller, never of the database."""
        encoded = request.query_params.get(self.cursor_query_param)
        if encoded is not None and not _is_cursor(encoded):
            raise ParameterError({"cursor": ["is none of ours"]})
        return super().decode_cursor(request)

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("limit")
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= self.max_page_size):
            raise ParameterError({"limit": [f"is a number from 1 to {self.max_page_size}"]})
        return int(given)


def _is_cursor(encoded: str) -> bool:
    """Whether this could be a position among ids."""
    try:
        text = b64decode(encoded.encode("ascii"), validate=True).decode("ascii")
    except ValueError:
        return False
    pairs = dict(part.partition("=")[::2] for part in text.split("&"))
    numbers = [pairs.get("p", "0"), pairs.get("o", "0")]
    return all(number.isdigit() and len(number) < 19 for number in numbers) and pairs.keys() <= {
        "p",
        "o",
        "r",
    }


class Filters(DjangoFilterBackend):
    """The filters that a view names, and no others; a wrong value is told by its parameter."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        try:
            return super().filter_queryset(request, queryset, view)
        except ValidationError as error:
            raise ParameterError(error.detail) from None
