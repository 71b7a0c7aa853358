"""Signing up and in, by allauth: one form more (the business), and where a person lands afterwards."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current_request
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import audit, catalogue, names, provisioning, team
from tenants.catalogue import Blueprint
from tenants.models import LANGUAGES, SignUp, User

log = structlog.get_logger(__name__)
# A first guess that the owner can change; a language does not know its clock.
TIMEZONES = {"pt-br": "America/Sao_Paulo", "es": "Europe/Madrid", "fr": "Europe/Paris", "en": "UTC"}


def _blueprints() -> list[tuple[str, Any]]:
    """What a business may begin with; at first nothing."""
    return [("", _("An empty desk")), *((one.name, one.title) for one in catalogue.known().values())]


class BusinessForm(forms.Form):
    """What signing up asks beyond e-mail and password; on a business's own host (by invitation) nothing."""

    business = forms.CharField(label=gettext_lazy("Name of your business"), max_length=120)
    slug = forms.CharField(
        label=gettext_lazy("Its address"),
        max_length=names.MAX_LENGTH,
        required=False,
        help_text=gettext_lazy("Small letters, digits and hyphens. Leave it empty and we make one."),
    )
    blueprint = forms.ChoiceField(
        label=gettext_lazy("Begin with"), required=False, choices=_blueprints, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = current_request.request
        if getattr(request, "tenant", None) is not None:
            del self.fields["business"], self.fields["slug"], self.fields["blueprint"]
            return
        asked = request.GET.get("blueprint", "") if request is not None else ""
        self.fields["blueprint"].initial = asked if asked in catalogue.known() else ""

    @property
    def asks_business(self) -> bool:
        """Whether this is about a new business, and not about a seat in one."""
        return "business" in self.fields

    def beginnings(self) -> list[tuple[Any, Blueprint | None]]:
        """Each radio button with the blueprint that it chooses; the first one chooses none."""
        known = catalogue.known()
        return [(radio, known.get(radio.data["value"])) for radio in self["blueprint"]]

    def clean_slug(self) -> str:
        slug = self.cleaned_data["slug"].strip().lower()
        if not slug:
            return names.suggest(self.cleaned_data.get("business", "")) or "business"
        try:
            names.check_slug(slug)
        except names.InvalidName as error:
            raise forms.ValidationError(str(error)) from None
        if provisioning.is_taken(slug):
            raise forms.ValidationError(_("The address “%(slug)s” is taken.") % {"slug": slug})
        return slug

    def signup(self, request: HttpRequest, user: User) -> None:
        """Remember the business; it is made when the e-mail is confirmed."""
        if "business" in self.cleaned_data:
            self.ask(user)

    def ask(self, user: User) -> SignUp:
        """The business that this person wants, in the language that they read."""
        language = _language()
        return provisioning.ask(
            user=user,
            name=self.cleaned_data["business"],
            slug=self.cleaned_data["slug"],
            blueprint=self.cleaned_data["blueprint"],
            language=language,
            timezone=TIMEZONES[language],
            now=timezone.now(),
        )


class AccountAdapter(DefaultAccountAdapter):
    """Where allauth asks us."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Everybody on the installation's host; on a business's host whoever holds an invitation to it."""
        tenant = getattr(request, "tenant", None)
        if tenant is None:
            return True
        target = request.POST.get("next") or request.GET.get("next") or ""
        _join, _slash, token = target.strip("/").partition("join/")
        return team.open_invitation(token, tenant=tenant, now=timezone.now()) is not None

    def confirm_email(self, request: HttpRequest, email_address: Any) -> Any:
        """The address is real: make the business that waits for it."""
        confirmed = super().confirm_email(request, email_address)
        waiting = SignUp.objects.filter(user=email_address.user, status=SignUp.Status.UNCONFIRMED).first()
        if confirmed and waiting is not None:
            provisioning.start(waiting, now=timezone.now())
        request.session.pop("mail_link", None)
        return confirmed

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return self._to_sign_up(request.user) or "/"

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        return self._to_sign_up(email_address.user) or str(
            super().get_email_verification_redirect_url(email_address)
        )

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        super().send_mail(template_prefix, email, context)
        link = context.get("activate_url") or context.get("password_reset_url")
        if link and mail_is_files():
            # In development nobody has a mailbox: the link goes to the log and onto the page.
            log.info("mail.link", url=link)
            self.request.session["mail_link"] = link

    def send_notification_mail(self, template_prefix: str, user: Any, *args: Any, **kwargs: Any) -> None:
        """Allauth's word that something about signing in was changed: also for the audit."""
        audit.record(f"account.{template_prefix.rpartition('/')[2]}", actor=user, target=user.pk)
        super().send_notification_mail(template_prefix, user, *args, **kwargs)

    def _to_sign_up(self, user: Any) -> str:
        """The page of a business in the making, on the installation's host."""
        on_public = getattr(self.request, "tenant", None) is None
        waits = on_public and SignUp.objects.filter(user=user).exclude(status=SignUp.Status.DONE).exists()
        return reverse("creating", urlconf=settings.PUBLIC_SCHEMA_URLCONF) if waits else ""


def mail_is_files() -> bool:
    """Whether mail goes to files only: never in production."""
    return settings.PUBLIC_SCHEME == "http" and "filebased" in settings.EMAIL_BACKEND


def _language() -> str:
    language = (translation.get_language() or "en").lower()
    known = dict(LANGUAGES)
    return language if language in known else next((code for code in known if code[:2] == language[:2]), "en")
