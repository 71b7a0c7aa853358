from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_idempotent_effect"),
    ]

    operations = [
        migrations.AddField(
            model_name="signup",
            name="blueprint",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=40, verbose_name="blueprint"
            ),
        ),
    ]
