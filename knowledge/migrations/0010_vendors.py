from django.db import migrations, models

import knowledge.models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0009_refused_model"),
    ]

    operations = [
        migrations.AlterField(
            model_name="embedding",
            name="vendor",
            field=models.CharField(
                choices=knowledge.models.embedding_vendors, max_length=12, verbose_name="vendor"
            ),
        ),
        migrations.AlterField(
            model_name="reranker",
            name="vendor",
            field=models.CharField(
                choices=knowledge.models.reranking_vendors, max_length=12, verbose_name="vendor"
            ),
        ),
    ]
