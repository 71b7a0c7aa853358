from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0003_sources")]

    operations = [
        migrations.AddField(
            model_name="source",
            name="resume",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
