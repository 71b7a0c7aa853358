"""Extensions and text search configurations, once, in the public schema."""

from django.db import migrations

EXTENSIONS = "".join(
    f"CREATE EXTENSION IF NOT EXISTS {name} SCHEMA public;\n" for name in ("vector", "unaccent", "pg_trgm")
)
LANGUAGES = {"pt": "portuguese", "en": "english", "es": "spanish", "fr": "french"}
CONFIGURATIONS = "".join(
    f"""
CREATE TEXT SEARCH CONFIGURATION public.fd_{short} (COPY = pg_catalog.{name});
ALTER TEXT SEARCH CONFIGURATION public.fd_{short}
    ALTER MAPPING FOR hword, hword_part, word WITH public.unaccent, pg_catalog.{name}_stem;
"""
    for short, name in LANGUAGES.items()
)
REMOVED = "".join(f"DROP TEXT SEARCH CONFIGURATION public.fd_{short};" for short in LANGUAGES)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),
        migrations.RunSQL(CONFIGURATIONS, REMOVED),
    ]
