"""`apply_demo`: the demo business, and its number paired at the gateway that runs here."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context

from config import env, preparation
from conversations.models import Channel
from knowledge.models import Document
from tenants.blueprints import confirm_email
from tenants.models import User, WebhookRoute

PATIENCE_SECONDS = 20
READING_SECONDS = 120


class Command(BaseCommand):
    help = "Apply the demo business, and tell the local gateway where its messages go. Development only."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("apply", file=preparation.DEMO)
        _make_staff()
        for route in WebhookRoute.objects.select_related("tenant").filter(tenant__slug=preparation.DEMO_SLUG):
            with schema_context(route.tenant.schema_name):
                channel = Channel.objects.get(pk=route.pk)
                if channel.kind == Channel.Kind.WAHA:
                    self._pair(channel, title=route.tenant.name)
                    self._wait_for_documents()

    def _pair(self, channel: Channel, *, title: str) -> None:
        """What a person does with a QR code and the gateway's settings page."""
        settings = {
            "webhook_url": f"http://127.0.0.1:{env.integer('PORT', 8000)}/hooks/waha/{channel.pk}",
            "hmac_key": channel.hmac_secret,
            "api_key": channel.api_key,
            "title": title,
        }
        request = urllib.request.Request(
            f"{channel.base_url}/_control/sessions/{channel.session}",
            data=json.dumps(settings).encode(),
            headers={"content-type": "application/json"},
            method="PUT",
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
            except urllib.error.URLError as error:
                # It starts at the same moment as we do.
                if time.monotonic() > deadline:
                    raise CommandError(f"The local gateway does not answer ({error.reason}).") from None
                time.sleep(0.2)

    def _wait_for_documents(self) -> None:
        """The first question of a newcomer must find the documents read."""
        unread = Document.objects.filter(status__in=[Document.Status.WAITING, Document.Status.READING])
        deadline = time.monotonic() + READING_SECONDS
        while unread.exists():
            if time.monotonic() > deadline:
                return self.stdout.write("The documents are still being read; answers come when they are.")
            time.sleep(0.2)


def _make_staff() -> None:
    """Somebody for the back office, with the password that the demo's file shows to everybody."""
    if not User.objects.filter(email=preparation.DEMO_STAFF).exists():
        confirm_email(User.objects.create_superuser(preparation.DEMO_STAFF, preparation.demo_password()))
