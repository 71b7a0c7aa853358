from django.db import migrations, models

import agents.models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_drafts"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelprovider",
            name="speaking_model",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=120, verbose_name="model that speaks"
            ),
        ),
        migrations.AddField(
            model_name="modelprovider",
            name="voice",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=120, verbose_name="voice"
            ),
        ),
        migrations.AlterField(
            model_name="modelprovider",
            name="vendor",
            field=models.CharField(choices=agents.models.vendors, max_length=12, verbose_name="vendor"),
        ),
    ]
