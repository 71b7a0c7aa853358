"""The Celery app. Tasks are declared beside what they do: `tenants.background.task`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("frontdesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["conversations"], related_name="turns")
app.autodiscover_tasks(["conversations"], related_name="outbox")
app.autodiscover_tasks(["conversations"], related_name="inbox")
app.autodiscover_tasks(["conversations"], related_name="sweep")
app.autodiscover_tasks(["knowledge"], related_name="indexing")
app.autodiscover_tasks(["tenants"], related_name="provisioning")
app.autodiscover_tasks(["config"], related_name="health")
