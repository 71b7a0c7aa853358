from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_speaking_models"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="collects",
            field=models.JSONField(
                blank=True, db_default=[], default=list, verbose_name="asks customers for"
            ),
        ),
    ]
