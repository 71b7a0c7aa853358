import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0016_trial_and_remembering"),
    ]

    operations = [
        migrations.AddField(
            model_name="chatrules",
            name="place",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="place"),
        ),
        migrations.AddField(
            model_name="contact",
            name="details",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="details"),
        ),
        migrations.AlterField(
            model_name="consent",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("messages", "messages that they did not ask for"),
                    ("profile", "being remembered from one talk to the next"),
                    ("details", "keeping what they told of themselves"),
                ],
                default="messages",
                max_length=12,
                verbose_name="for what",
            ),
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True, verbose_name="idempotency key")),
                ("text", models.TextField(verbose_name="words")),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("sent", "sent"), ("dropped", "not sent")],
                        default="waiting",
                        max_length=7,
                        verbose_name="status",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=80, verbose_name="why not")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="follow_ups",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "follow-up",
                "verbose_name_plural": "follow-ups",
                "ordering": ["due_at", "pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "waiting")), fields=["due_at"], name="follow_up_due"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Proof",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.CharField(max_length=254, verbose_name="e-mail")),
                ("code", models.CharField(blank=True, editable=False, max_length=64)),
                ("send_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("tries", models.PositiveSmallIntegerField(default=0, verbose_name="tries")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="asked")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent")),
                ("expires_at", models.DateTimeField(verbose_name="good until")),
                ("proved_at", models.DateTimeField(blank=True, null=True, verbose_name="proved")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="proofs",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "proof of an address",
                "verbose_name_plural": "proofs of addresses",
                "indexes": [
                    models.Index(
                        condition=models.Q(("send_at__isnull", False)), fields=["send_at"], name="proof_due"
                    ),
                    models.Index(fields=["created_at"], name="proof_latest"),
                ],
            },
        ),
    ]
