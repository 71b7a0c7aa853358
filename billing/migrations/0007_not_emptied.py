"""Nobody empties what money did, either: not even at once."""

from django.db import migrations

TABLES = ("ledgerentry", "usage")
REFUSE = "".join(
    f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON billing_{table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();\n"
    for table in TABLES
)
ALLOW = "".join(f"DROP TRIGGER {table}_is_not_emptied ON billing_{table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_few_credits")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
