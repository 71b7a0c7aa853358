"""How sources and documents are shown: their drawings, their progress, where they are changed."""

from collections.abc import Mapping, Sequence

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from knowledge.models import Document, Source
from knowledge.shelf import Totals

register = template.Library()
FORM_ICONS = {"page": "globe", "text": "type", "pairs": "message-circle-question-mark", "table": "table"}
KIND_ICONS = {"page": "link", "site": "globe", "drive": "folder", "baserow": "table"}


@register.filter
def form_icon(form: str) -> str:
    return FORM_ICONS.get(form, "file-text")


@register.filter
def kind_icon(kind: str) -> str:
    return KIND_ICONS.get(kind, "link")


@register.filter
def named(ids: Sequence[int], assistants: Mapping[int, str]) -> str:
    """The names of these assistants, in a row."""
    return ", ".join(assistants.get(one, _("an assistant that is gone")) for one in ids)


@register.filter
def progress(document: Document) -> int:
    """How far reading has come, in percent; 0 while nobody can tell."""
    if document.pages and document.pages_done:
        return min(document.pages_done * 100 // document.pages, 100)
    return document.percent


@register.filter
def edit_url(document: Document) -> str:
    """Where what was written here is changed; empty for what came from outside."""
    names = {Document.Form.TEXT: "teach_text", Document.Form.PAIRS: "teach_pairs"}
    name = names.get(document.form)  # type: ignore[call-overload]
    return reverse(name, args=[document.pk]) if name and not document.source_id and document.file else ""


@register.filter
def place(source: Source) -> str:
    """Where it is, as its owner knows it."""
    if source.kind == Source.Kind.BASEROW:
        table = _("table %(number)s") % {"number": source.address}
        return f"{str(source.options.get('base_url', '')).partition('://')[2]} · {table}"
    if source.kind == Source.Kind.DRIVE:
        return _("shared with %(address)s") % {"address": source.options.get("account", "")}
    return source.address.partition("://")[2].rstrip("/") or source.address


@register.filter
def is_reading(totals: Totals, source: Source) -> bool:
    """Whether what was found there is still being read."""
    return source.status == Source.Status.READY and totals.reading > 0
