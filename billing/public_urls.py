"""What is outside of every business: where the payment vendor tells us what happened."""

from django.urls import path

from billing import payment_webhook

urlpatterns = [path("events", payment_webhook.payment_webhook, name="payment_webhook")]
