"""The blueprints that ship: what each is good for, in the owner's language. The rest: agents/blueprints."""

from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants import catalogue
from tenants.catalogue import Blueprint

FOLDER = Path(__file__).resolve().parent / "blueprints"
CLINIC = (
    _("Answers about hours, prices, health plans and how to prepare for an exam."),
    _("Takes down who wants an appointment and when, and passes it to the front desk."),
    _("Never diagnoses; what sounds urgent goes to a person at once."),
)
HELP_DESK = (
    _("Solves the usual problems step by step, from your own guides."),
    _("Explains credits, invoices and documents, and sends the right file."),
    _("Opens a request for the team with all that they need to know."),
)
PARISH = (
    _("Tells times of services, feasts, and what each sacrament asks for."),
    _("Catechism by enrolment only: what concerns a child is told to its family by a person."),
    _("Whoever is in grief or in need reaches somebody, without having to insist."),
)
SECRETARY = (
    _("Takes messages: who, about what, how urgent, and where to call back."),
    _("Tells what a practice does, its hours and its fees, and never gives advice."),
    _("What cannot wait goes to a person; everything else is a tidy note."),
)
SALES = (
    _("Presents your products and compares them, with the real prices."),
    _("Asks the few questions that show what a customer needs, and when."),
    _("Hands whoever is ready to buy to your team, with the whole story."),
)


def register() -> None:
    """Tell new businesses what they may begin with."""
    catalogue.share("demo", FOLDER.parent / "demo")  # the clinic has its documents
    portuguese, french, both = "Português", "Français", "Português · English"
    _ship("clinic", _("Clinic"), CLINIC, "stethoscope", portuguese)
    _ship("help-desk", _("Help desk"), HELP_DESK, "headset", portuguese)
    _ship("sales", _("Sales"), SALES, "trending-up", both)
    _ship("secretary", _("Secretary"), SECRETARY, "notebook-pen", portuguese)
    _ship("parish", _("Parish"), PARISH, "church", french, language="fr", timezone="Europe/Paris")


def _ship(
    name: str,
    title: str | Promise,
    does: tuple[str | Promise, ...],
    icon: str,
    speaks: str,
    *,
    language: str = "pt-br",
    timezone: str = "America/Sao_Paulo",
) -> None:
    file = FOLDER / name / "business.yaml"
    catalogue.register(
        Blueprint(
            name=name, file=file, title=title, does=does, icon=icon, language=language, timezone=timezone,
            speaks=speaks,
        )
    )  # fmt: skip
