"""What is written for the team to check has a kind of its own in the ledger; no row changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_reading")]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("grant", "grant"),
                    ("correction", "correction"),
                    ("turn", "answer"),
                    ("speech", "voice note"),
                    ("reading", "document read"),
                    ("draft", "draft for the team"),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
    ]
