"""What is kept of an erased business's money; the records of its payments go with it."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0010_payments"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptLedger",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.CharField(db_index=True, max_length=63, verbose_name="address")),
                ("name", models.CharField(max_length=120, verbose_name="business")),
                ("folder", models.CharField(max_length=120, unique=True)),
                ("files", models.JSONField(db_default=[], default=list, verbose_name="files")),
                ("entries", models.PositiveIntegerField(default=0, verbose_name="entries")),
                ("closing", models.BigIntegerField(default=0, verbose_name="balance at its end")),
                ("kept_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="kept")),
                ("kept_until", models.DateField(db_index=True, verbose_name="kept until")),
            ],
            options={
                "verbose_name": "kept ledger",
                "verbose_name_plural": "kept ledgers",
                "ordering": ["-pk"],
            },
        ),
        migrations.AlterField(
            model_name="refund",
            name="topup",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="refunds", to="tenants.topup"
            ),
        ),
        migrations.AlterField(
            model_name="creditrequest",
            name="topup",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="tenants.topup",
            ),
        ),
    ]
