"""Assistant › Models › Which model answers what; and what a message wanted, as a person corrects it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import at_hand, learning, publishing
from agents.models import AgentVersion, IntentExample
from agents.routing import INTENTS
from conversations import route_figures, route_words, routes
from conversations.models import Message, Turn
from conversations.route_forms import RoutingForm
from providers.errors import ProviderError
from tenants import access

FIELDS = ("tiers", "routing")
PAGE = 50


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def routing(request: HttpRequest) -> HttpResponse:
    """Show what the router did and its rules; write changed rules into the draft."""
    agent = at_hand.agent(request)
    version = publishing.working(agent)
    form = RoutingForm(request.POST or None, version=version)
    if request.method == "POST" and form.is_valid():
        return _kept(request, form, version)
    days = 7 if request.GET.get("days") == "7" else 30
    context = {
        "form": form,
        "version": version,
        "seen": {field: publishing.digest(getattr(version, field)) for field in FIELDS},
        "figures": route_figures.figures(agent.published, days=days, now=timezone.now()),
        "choices": route_figures.DAYS,
        "corrected": routes.corrected(),
    }
    return render(request, "conversations/routing.html", context, status=422 if form.errors else 200)


def _kept(request: HttpRequest, form: RoutingForm, version: AgentVersion) -> HttpResponse:
    seen = {field: request.POST[f"seen_{field}"] for field in FIELDS if request.POST.get(f"seen_{field}")}
    edited = publishing.edit_draft(
        version.agent,
        content=form.content(),
        user=access.person(request),
        seen=seen or None,
        now=timezone.now(),
    )
    if edited.clashes:
        messages.error(request, _("Somebody else has changed these rules meanwhile. Look at them again."))
    else:
        messages.success(request, _("Kept in the draft. It answers by these rules once you publish it."))
    return redirect("assistant_model_routing")


@access.roles(*access.ANSWERERS)
@require_POST
def message_intent(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says what the answered messages really wanted: the router learns from it."""
    message = get_object_or_404(Message.objects.exclude(turn=None), pk=pk)
    turn = get_object_or_404(Turn.objects.select_related("conversation"), messages=message)
    intent = request.POST.get("intent", "")
    if intent not in INTENTS:
        return HttpResponse(_("Choose what was wanted."), status=422, content_type="text/plain")
    try:
        routes.correct(turn, intent=intent, user=access.person(request), now=timezone.now())
    except ProviderError:
        words = _("What messages mean cannot be looked at just now. Try again in a moment.")
        return HttpResponse(words, status=503, content_type="text/plain")
    if request.headers.get("HX-Request"):
        said = _("Learnt: %(intent)s. Messages like this one are read so from now on.")
        return HttpResponse(said % {"intent": route_words.intent(intent)}, content_type="text/plain")
    return redirect("chat", turn.conversation_id)


@access.roles(*access.MANAGERS)
@never_cache
@require_GET
def corrections(request: HttpRequest) -> HttpResponse:
    """What people have told the router of single messages, the newest first."""
    examples = IntentExample.objects.select_related("created_by").order_by("-created_at", "-pk")
    page = Paginator(examples, PAGE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "intents": list(route_words.INTENTS.items())}
    return render(request, "conversations/corrections.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def correction(request: HttpRequest, pk: int) -> HttpResponse:
    """Say something else of a message, or take back what was said."""
    example, user = get_object_or_404(IntentExample, pk=pk), access.person(request)
    intent = request.POST.get("intent", "")
    if intent == "":
        learning.unlearn(example, user=user)
        messages.success(request, _("Forgotten: messages like that one are read as before."))
    elif intent in INTENTS:
        learning.change(example, intent=intent, user=user)
        messages.success(request, _("Saved."))
    else:
        return HttpResponse(_("Choose what was wanted."), status=422, content_type="text/plain")
    return redirect("assistant_model_corrections")
