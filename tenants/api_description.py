"""The API's own description, and a page to read it: for everybody, at a bounded cost."""

from functools import cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.throttling import AddressRate


class Description(SpectacularAPIView):
    """The OpenAPI document, in YAML or JSON; it is the same for everybody, whatever is asked."""

    throttle_classes = [AddressRate]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        name = f"frontdesk-api.{request.accepted_renderer.format}"
        return Response(_document(), headers={"Content-Disposition": f'inline; filename="{name}"'})


class Reader(SpectacularSwaggerSplitView):
    """A page on which the document can be read and tried."""

    template_name = "tenants/api_docs.html"
    throttle_classes = [AddressRate]


@cache
def _document() -> dict[str, Any]:
    """Made once a process: it costs half a second, and anybody may ask."""
    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return made
