"""The Celery app. Tasks are declared beside what they do: `tenants.background.task`."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_after_setup, worker_init
from django.core.exceptions import ImproperlyConfigured
from psycopg import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("frontdesk")
app.set_default()  # for every thread: views and the doors run in threads that did not import this
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["conversations"], related_name="turns")
app.autodiscover_tasks(["conversations"], related_name="outbox")
app.autodiscover_tasks(["conversations"], related_name="bulk")
app.autodiscover_tasks(["conversations"], related_name="inbox")
app.autodiscover_tasks(["conversations"], related_name="attention")
app.autodiscover_tasks(["conversations"], related_name="message_templates")
app.autodiscover_tasks(["conversations"], related_name="hooks")
app.autodiscover_tasks(["conversations"], related_name="transcripts")
app.autodiscover_tasks(["conversations"], related_name="search_index")
app.autodiscover_tasks(["conversations"], related_name="sweep")
app.autodiscover_tasks(["conversations"], related_name="identities")
app.autodiscover_tasks(["conversations"], related_name="merging")
app.autodiscover_tasks(["conversations"], related_name="follow_ups")
app.autodiscover_tasks(["conversations"], related_name="desk_seats")
app.autodiscover_tasks(["conversations"], related_name="desk_summaries")
app.autodiscover_tasks(["conversations"], related_name="verifying")
app.autodiscover_tasks(["conversations"], related_name="fallback")
app.autodiscover_tasks(["conversations"], related_name="breakers")
app.autodiscover_tasks(["conversations"], related_name="alarms")
app.autodiscover_tasks(["conversations"], related_name="health")
app.autodiscover_tasks(["conversations"], related_name="invariants")
app.autodiscover_tasks(["conversations"], related_name="rollup")
app.autodiscover_tasks(["conversations"], related_name="teaching")
app.autodiscover_tasks(["conversations"], related_name="drafting")
app.autodiscover_tasks(["conversations"], related_name="suggesting")
app.autodiscover_tasks(["conversations"], related_name="teaching_sweep")
app.autodiscover_tasks(["conversations"], related_name="profiles")
app.autodiscover_tasks(["conversations"], related_name="profile_sweep")
app.autodiscover_tasks(["conversations"], related_name="gate")
app.autodiscover_tasks(["conversations"], related_name="customer_import")
app.autodiscover_tasks(["conversations"], related_name="themes")
app.autodiscover_tasks(["conversations"], related_name="figures_sweep")
app.autodiscover_tasks(["conversations"], related_name="digests")
app.autodiscover_tasks(["conversations"], related_name="team_phones")
app.autodiscover_tasks(["knowledge"], related_name="pinned")
app.autodiscover_tasks(["knowledge"], related_name="cases")
app.autodiscover_tasks(["knowledge"], related_name="flags")
app.autodiscover_tasks(["knowledge"], related_name="indexing")
app.autodiscover_tasks(["knowledge"], related_name="meaning_index")
app.autodiscover_tasks(["knowledge"], related_name="corrections")
app.autodiscover_tasks(["knowledge"], related_name="looking")
app.autodiscover_tasks(["knowledge"], related_name="reembedding")
app.autodiscover_tasks(["billing"], related_name="vendor_prices")
app.autodiscover_tasks(["billing"], related_name="asking")
app.autodiscover_tasks(["billing"], related_name="payment_events")
app.autodiscover_tasks(["billing"], related_name="payment_sweep")
app.autodiscover_tasks(["billing"], related_name="rollup")
app.autodiscover_tasks(["billing"], related_name="keeping")
app.autodiscover_tasks(["billing"], related_name="recharging")
app.autodiscover_tasks(["billing"], related_name="recharge_sweep")
app.autodiscover_tasks(["billing"], related_name="foresight_sweep")
app.autodiscover_tasks(["tenants"], related_name="provisioning")
app.autodiscover_tasks(["tenants"], related_name="notice_delivery")
app.autodiscover_tasks(["config"], related_name="health")


@worker_init.connect
@beat_init.connect
def _refuse_transaction_pooling(**_: Any) -> None:
    """Start only on a database that keeps a session."""
    from tenants import guard  # the settings are read by now

    try:
        guard.refuse_transaction_pooling()
    except (ImproperlyConfigured, OperationalError) as error:
        raise SystemExit(f"Not configured: {error}") from None


@worker_init.connect
def _take_turns_quickly(**_: Any) -> None:
    """Who waits for the database gets the interpreter back soon after, however many threads compute.

    Beside eight that do, 0.2 ms round trips are 10 a second with Python's usual 5 ms and 50 with 1 ms; what
    the others compute in that time falls by a tenth.
    """
    sys.setswitchinterval(0.001)


@worker_init.connect
def _let_the_doors_go_first(**_: Any) -> None:
    """Where cores are few, who takes messages in goes before who works on them: a gateway waits for seconds
    only, and a row for as long as it must."""
    os.nice(5)


@celeryd_after_setup.connect
def _stand_in(sender: str, instance: Any, **_: Any) -> None:
    """Who answers customers does so without the broker, too: from the rows (`tenants.standin`)."""
    if "fast" not in instance.app.amqp.queues.consume_from:
        return
    from config import health  # as above
    from conversations import sweep
    from tenants import standin

    standin.start(
        broker_answers=health.broker_answers,
        look=lambda: sweep.sweep_closely.apply(throw=True),
    )
