"""Who of those whose names stand in a business's pages is the platform's and not the business's."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tenants.models import Membership, User

register = template.Library()


@register.simple_tag(takes_context=True)
def guest_mark(context: Any, user: User | None) -> SafeString | str:
    """A mark behind the name of support staff; nothing behind a member's. One statement a page at most."""
    if user is None or not user.is_staff:
        return ""
    request = context["request"]
    if not hasattr(request, "member_ids"):
        seats = Membership.objects.filter(tenant=request.tenant)
        request.member_ids = set(seats.values_list("user_id", flat=True))
    if user.pk in request.member_ids:
        return ""
    return format_html('<span class="pill">{}</span>', _("Frontdesk support"))
