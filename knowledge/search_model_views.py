"""Account › Search: whose models find passages and put them in order, tried before they are used."""

import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from knowledge import embedding_choice, reembedding, reranking
from knowledge.models import Chunk, Embedding, Reranker
from knowledge.search_model_forms import EmbeddingForm, RerankerForm
from providers.errors import ProviderError
from tenants import access
from tenants.secrets import last_four


@access.roles(*access.MANAGERS)
@never_cache
@require_GET
def search_models(request: HttpRequest) -> HttpResponse:
    return _page(request)


@access.roles(*access.MANAGERS)
@require_GET
def search_models_state(request: HttpRequest) -> HttpResponse:
    """How far a change has come."""
    return render(request, "knowledge/_embedding_state.html", _state())


@access.roles(*access.MANAGERS)
@never_cache
@require_POST
def embedding(request: HttpRequest) -> HttpResponse:
    """Try a model, or try it and have everything embedded by it."""
    form = EmbeddingForm(request.POST, known=_embeddings())
    if not form.is_valid():
        return _page(request, form=form)
    try:
        if "test" in request.POST:
            return _page(request, form=form, tried=_tried(form))
        coming = embedding_choice.choose(form.choice(), actor=access.person(request), now=timezone.now())
    except embedding_choice.Refused as error:
        form.add_error(None, str(error))
        return _page(request, form=form)
    messages.success(request, _("Your texts are embedded anew.") if coming else _("Saved."))
    return redirect("account_search")


def _tried(form: EmbeddingForm) -> str:
    form.show_key()
    began = time.monotonic()
    dimensions, _shortened = embedding_choice.try_out(form.choice())
    numbers = {"dimensions": dimensions, "ms": round((time.monotonic() - began) * 1000)}
    return _("It answers: %(dimensions)s dimensions, in %(ms)s ms. Nothing was changed.") % numbers


@access.roles(*access.MANAGERS)
@require_POST
def embedding_again(request: HttpRequest) -> HttpResponse:
    """Go on with a change that failed."""
    embedding_choice.try_again(now=timezone.now())
    return redirect("account_search")


@access.roles(*access.MANAGERS)
@require_POST
def embedding_stop(request: HttpRequest) -> HttpResponse:
    """Stay with the model that serves."""
    embedding_choice.give_up(actor=access.person(request))
    messages.success(request, _("The model that was in use stays."))
    return redirect("account_search")


@access.roles(*access.MANAGERS)
@never_cache
@require_POST
def reranker(request: HttpRequest) -> HttpResponse:
    """Try a reranker, or try it and use it."""
    form = RerankerForm(request.POST, known=_rerankers())
    if not form.is_valid():
        return _page(request, ranker_form=form)
    row = form.row()
    try:
        if row is not None:
            reranking.try_out(row)
    except ProviderError as error:
        form.add_error(None, reembedding.words(error))
        return _page(request, ranker_form=form)
    if "test" in request.POST:
        form.show_key()
        return _page(request, ranker_form=form, ranker_tried=_("It answers. Nothing was changed."))
    if row is None:
        reranking.remove(actor=access.person(request))
    else:
        reranking.keep(row, actor=access.person(request))
    messages.success(request, _("Saved."))
    return redirect("account_search")


def _embeddings() -> tuple[Embedding, ...]:
    """The one that comes, then the one that serves: the newer key first."""
    return tuple(Embedding.objects.order_by("-pk"))


def _rerankers() -> tuple[Reranker, ...]:
    return tuple(Reranker.objects.all())


def _state() -> dict[str, Any]:
    rows = {row.status == Embedding.Status.SERVING: row for row in _embeddings()}
    return {"serving": rows.get(True), "coming": rows.get(False), "passages": Chunk.objects.count()}


def _page(
    request: HttpRequest,
    *,
    form: EmbeddingForm | None = None,
    ranker_form: RerankerForm | None = None,
    **more: Any,
) -> HttpResponse:
    state = _state()
    now = state["coming"] or state["serving"]
    ranker = reranking.chosen()
    context = {
        "form": form or EmbeddingForm(initial=_initial(now)),
        "ranker_form": ranker_form or RerankerForm(initial=_initial(ranker)),
        "ranker": ranker,
        "tried": "",
        "ranker_tried": "",
        "key": last_four(now.api_key) if now and now.api_key else "",
        "ranker_key": last_four(ranker.api_key) if ranker else "",
    }
    failed = any(one is not None and one.errors for one in (form, ranker_form))
    return render(
        request, "knowledge/search_models.html", context | state | more, status=422 if failed else 200
    )


def _initial(row: Embedding | Reranker | None) -> dict[str, Any]:
    if row is None:
        return {"vendor": ""}
    known = {"vendor": row.vendor, "model": row.model, "base_url": row.base_url}
    short = isinstance(row, Embedding) and row.shortened
    return known | ({"dimensions": row.dimensions} if isinstance(row, Embedding) and short else {})
