import django.db.models.deletion
import pgvector.django.halfvec
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0004_source_resume")]

    operations = [
        migrations.DeleteModel(name="NextVector"),
        migrations.RemoveField(model_name="embedding", name="claimed_at"),
        migrations.AddField(
            model_name="embedding",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="embedding",
            name="shortened",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="NextVector",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("vector", pgvector.django.halfvec.HalfVectorField()),
                (
                    "embedding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="knowledge.embedding",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("embedding", "digest"), name="next_vector_once")
                ],
            },
        ),
    ]
