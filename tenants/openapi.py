"""How the API describes itself beyond what its views say: keys, problems, idempotency, limits."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from tenants import idempotency, problems

PROBLEM = {
    "type": "object",
    "description": "What went wrong, as RFC 9457 says it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Stable; tells kinds of problems apart."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer of the field"},
                    "parameter": {"type": "string", "description": "name in the query string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
# What any operation may answer; more by what it takes.
ALWAYS = {
    400: "not valid",
    401: "no key, or none of ours",
    403: "the key or the role does not allow it",
    406: "no such format",
    429: "too many requests: see Retry-After",
    503: "paused, or a part of the installation is away",
}
WITH_ID = {404: "not found; ids of other businesses are not found either"}
WITH_BODY = {
    409: "the Idempotency-Key was used for another request, or is being worked on",
    411: "a body without Content-Length",
    413: "too large",
    415: "not this media type",
}
LIMITS = {
    "RateLimit-Limit": "requests a minute",
    "RateLimit-Remaining": "requests that are left in this minute",
    "RateLimit-Reset": "seconds until the minute is over",
}


class Schema(AutoSchema):
    """The usual description; its presence loads the extensions of this module."""


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = "tenants.api.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of the business: Account › API keys.",
        }


class MemberScheme(OpenApiAuthenticationExtension):
    target_class = "tenants.api.MemberAuthentication"
    name = "member"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A member signed in on the host of the business.",
        }


def complete(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """Add to every operation what all of them share; a hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _complete_one(operation, has_id="{" in path, method=method)
    return result


def _complete_one(operation: dict[str, Any], *, has_id: bool, method: str) -> None:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["headers"] = {
                **answer.get("headers", {}),
                **{name: _number(said) for name, said in LIMITS.items()},
            }
        else:
            answer.update(_refusal(answer["description"]))
    possible = ALWAYS | (WITH_ID if has_id else {}) | (WITH_BODY if method == "post" else {})
    for status, said in possible.items():
        operation["responses"].setdefault(str(status), _refusal(said))
    if method == "post":
        operation.setdefault("parameters", []).append(_idempotency_key())


def refusal(said: str) -> OpenApiResponse:
    """A refusal of one operation alone, for its `extend_schema`."""
    return OpenApiResponse(description=said)


def _refusal(said: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Problem"}
    return {"description": said, "content": {problems.MEDIA_TYPE: {"schema": reference}}}


def _number(said: str) -> dict[str, Any]:
    return {"description": said, "schema": {"type": "integer"}}


def _idempotency_key() -> dict[str, Any]:
    return {
        "in": "header",
        "name": idempotency.HEADER,
        "description": "A name of your choice for this request. Within 24 hours the same name and content "
        "do nothing a second time and get the same answer.",
        "schema": {"type": "string", "maxLength": idempotency.LONGEST, "pattern": "^[!-~]*$"},
    }
