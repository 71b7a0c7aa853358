"""What finance and operators see of payments, and may do with them."""

import importlib

from django.db import migrations

groups = importlib.import_module("tenants.migrations.0009_staff_groups")
PERMISSIONS = {
    "finance": "view_pack add_pack change_pack delete_pack view_topup view_refund view_paymentcustomer "
    "view_paymentevent change_paymentevent view_paymentsweep",
    "operator": "view_paymentevent change_paymentevent view_paymentsweep",
}


def add(apps, schema_editor):
    """In the public schema only."""
    if schema_editor.connection.schema_name != "public":
        return
    Group = apps.get_model("auth", "Group")
    for name, codes in PERMISSIONS.items():
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*(groups.permission(apps, f"tenants.{code}") for code in codes.split()))


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0011_kept_ledgers"),
    ]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
