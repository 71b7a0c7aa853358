from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0017_proofs_and_follow_ups"),
    ]

    operations = [
        migrations.AddField(
            model_name="turn",
            name="provider_saved",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="vendor's price saved"),
        ),
    ]
