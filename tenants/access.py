"""Who may open which view. On a business's host every view is for its members, unless it says otherwise."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from tenants.models import Membership, Role, Tenant, User

View = Callable[..., Any]
EVERYONE = frozenset(Role.values)
MANAGERS = frozenset({Role.OWNER, Role.MANAGER})
ANSWERERS = frozenset({Role.OWNER, Role.MANAGER, Role.AGENT})
MONEY = frozenset({Role.OWNER, Role.FINANCE})
READS = ("GET", "HEAD", "OPTIONS")


def public(view: View) -> View:
    """Mark a view that needs no membership: signing in, a customer's widget, health."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def roles(*allowed: str) -> Callable[[View], View]:
    """Mark a view that only these roles may open."""

    def mark(view: View) -> View:
        view.roles = frozenset(allowed)  # type: ignore[attr-defined]
        return view

    return mark


def person(request: HttpRequest) -> User:
    """Who is signed in; for views that only members reach.

    Where staff sees the business as a member, a page is the member's and a deed is the staff person's.
    """
    acting = getattr(request, "acting", None)
    found = request.user if acting is None or request.method in READS else acting
    assert isinstance(found, User)
    return found


def leaves_traces(request: HttpRequest) -> bool:
    """Whether opening a page may change something, as that a chat was read: not where staff looks in."""
    return getattr(request, "impersonation", None) is None and not getattr(request, "inside", False)


def membership_of(user: User, tenant: Tenant) -> Membership | None:
    """The seat of a person in this business; looked up at each request, so taking it away works at once."""
    return Membership.objects.filter(user=user, tenant=tenant, user__is_active=True).first()


def allowed_roles(view: View) -> frozenset[str]:
    return getattr(view, "roles", None) or EVERYONE


def is_public_view(view: View, request: HttpRequest) -> bool:
    """Sign-in pages, the admin (it asks for itself) and views marked public."""
    if getattr(view, "is_public", False):
        return True
    module = getattr(getattr(view, "view_class", view), "__module__", "")
    return module.startswith("allauth.") or request.path_info.startswith(("/admin/", "/static/"))
