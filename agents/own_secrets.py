"""The keys and passwords that a business's tools name: written once, used in calls, read by nobody."""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from django.utils.translation import gettext_noop

from agents.models import OwnTool, ToolSecret
from agents.own_arguments import named
from agents.tool_templates import MASK, secrets
from providers.errors import ProviderRejected
from tenants import audit
from tenants.models import User

SAID = (gettext_noop("The key that this tool names is not there any more."),)


class Secrets:
    """Some secrets by name, and a way to show a text without them."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted = {name for name in names if name}
        found = ToolSecret.objects.filter(name__in=wanted) if wanted else ()
        self._values = {secret.name: secret.value for secret in found}

    def __call__(self, name: str) -> str:
        """The secret; raises ProviderRejected when it was removed."""
        value = self._values.get(name)
        if not value:
            raise ProviderRejected("The key that this tool names is not there any more.")
        return value

    def hidden(self, text: str) -> str:
        """The text with every secret in it masked: some systems repeat what they were sent."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            for form in _forms(value):
                text = text.replace(form, MASK)
        return text


def _forms(value: str) -> list[str]:
    """A secret as it may stand in an address, in JSON, or in a sign-in with a password."""
    encoded = base64.b64encode(value.encode()).decode()
    forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], encoded}
    return sorted((form for form in forms if form), key=len, reverse=True)


def users(name: str) -> list[OwnTool]:
    """The tools that name this secret."""
    return [tool for tool in OwnTool.objects.order_by("name") if name in asked(tool.definition)]


def asked(definition: object) -> set[str]:
    """Every secret that stands in a definition, wherever."""
    if isinstance(definition, dict):
        own = {str(definition["secret"])} if isinstance(definition.get("secret"), str) else set()
        return own.union(*(asked(value) for value in definition.values())) - {""}
    if isinstance(definition, list):
        return set().union(*(asked(value) for value in definition))
    return secrets([definition]) if isinstance(definition, str) else set()


def keep(name: str, value: str, *, user: User | None) -> ToolSecret:
    """Write a secret; one of this name is replaced, in every tool that names it."""
    secret, _made = ToolSecret.objects.update_or_create(name=name, defaults={"value": value})
    audit.record("tool_secret.keep", actor=user, target=name)
    return secret


def keep_new(*, title: str, value: str, user: User | None) -> str:
    """Write a secret under a new name made of these words; returns the name."""
    taken = list(ToolSecret.objects.values_list("name", flat=True))
    name = named(title or "key", taken=taken)
    keep(name, value, user=user)
    return name


def remove(name: str, *, user: User | None) -> bool:
    """Forget a secret; not while a tool names it."""
    if users(name):
        return False
    ToolSecret.objects.filter(name=name).delete()
    audit.record("tool_secret.remove", actor=user, target=name)
    return True
