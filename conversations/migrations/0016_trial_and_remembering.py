import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_drafts"),
        ("conversations", "0015_tools_and_profiles"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="is_minor",
            field=models.BooleanField(
                db_default=False, default=False, verbose_name="a child: nothing is remembered of them"
            ),
        ),
        migrations.AddField(
            model_name="contactprofile",
            name="edited_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="corrected by a person"),
        ),
        migrations.AlterField(
            model_name="consent",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("messages", "messages that they did not ask for"),
                    ("profile", "being remembered from one talk to the next"),
                ],
                default="messages",
                max_length=12,
                verbose_name="for what",
            ),
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="trial",
                        serialize=False,
                        to="conversations.conversation",
                        verbose_name="conversation",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("draft", "draft"), ("published", "published")],
                        default="published",
                        max_length=9,
                        verbose_name="what is tried",
                    ),
                ),
                ("after", models.BigIntegerField(default=0, editable=False)),
                ("set_aside_at", models.DateTimeField(blank=True, null=True, verbose_name="set aside")),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="agents.agent",
                        verbose_name="assistant",
                    ),
                ),
                (
                    "of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="takes",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "test chat",
                "verbose_name_plural": "test chats",
            },
        ),
    ]
