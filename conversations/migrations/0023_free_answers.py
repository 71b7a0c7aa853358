"""Why an answer cost nothing in the end stands on it; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0022_import_rows"),
    ]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="free_because",
            field=models.CharField(
                blank=True,
                choices=[("not_delivered", "not delivered")],
                db_default="",
                default="",
                max_length=13,
                verbose_name="free because",
            ),
        ),
    ]
