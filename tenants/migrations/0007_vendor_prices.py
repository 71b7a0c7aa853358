from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0006_sign_up_blueprint"),
    ]

    operations = [
        migrations.CreateModel(
            name="VendorPrice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("price_list", models.CharField(max_length=120, verbose_name="price list")),
                ("model", models.CharField(max_length=160, verbose_name="model")),
                (
                    "source",
                    models.CharField(
                        choices=[("package", "price package"), ("operator", "entered here")],
                        default="operator",
                        max_length=8,
                        verbose_name="from",
                    ),
                ),
                (
                    "input_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="read"),
                ),
                (
                    "output_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="written"),
                ),
                (
                    "cache_read_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="read from cache"),
                ),
                (
                    "cache_write_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="put into cache"),
                ),
                (
                    "audio_input_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="heard"),
                ),
                (
                    "audio_output_per_million",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="spoken"),
                ),
                ("effective_from", models.DateTimeField(verbose_name="from when on")),
            ],
            options={
                "verbose_name": "vendor's price",
                "verbose_name_plural": "vendors' prices",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("price_list", "model", "source", "effective_from"), name="vendor_price_once"
                    )
                ],
            },
        ),
    ]
