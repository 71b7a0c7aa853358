"""The payment vendor's way in: on the installation's own host, outside of every business."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import payment_events, payment_setup
from providers import payments
from tenants import access

log = structlog.get_logger(__name__)
LONGEST = 1_000_000  # bytes of an event; the vendor's own are a few thousand


@access.public
@csrf_exempt
@require_POST
def payment_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is a row; 400 for what the vendor did not sign. The work follows."""
    if int(request.headers.get("Content-Length") or 0) > LONGEST:
        return HttpResponse(status=413)
    signature = request.headers.get("Stripe-Signature", "")
    try:
        event = payments.verify(request.body, signature, secrets=payment_setup.secrets())
    except payments.BadSignature:
        log.warning("payment_event.not_signed")
        return HttpResponse("The signature is wrong, or too old.", status=400, content_type="text/plain")
    payment_events.receive([event], now=timezone.now())
    return HttpResponse(status=200)
