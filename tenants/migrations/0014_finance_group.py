"""What finance and operators may do with payments, requests for credits and the days of businesses."""

from django.db import migrations

VIEWS = {
    "finance": "pack topup refund paymentcustomer paymentevent paymentsweep creditrequest dailytotal keptledger",
    "operator": "paymentevent paymentsweep",
}
MAY = {
    "finance": "add_pack change_pack delete_pack change_paymentevent add_creditrequest change_creditrequest",
    "operator": "change_paymentevent",
}


def give(apps, schema_editor):
    """In the public schema only; permissions that are not there yet are made as Django would."""
    if schema_editor.connection.schema_name != "public":
        return
    Group = apps.get_model("auth", "Group")
    for name, models in VIEWS.items():
        group, _made = Group.objects.get_or_create(name=name)
        names = [f"view_{model}" for model in models.split()]
        group.permissions.add(*(permission(apps, one) for one in [*names, *MAY[name].split()]))


def permission(apps, codename):
    verb, _line, model = codename.partition("_")
    kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    kind, _made = kinds.objects.get_or_create(app_label="tenants", model=model)
    found, _made = permissions.objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": f"Can {verb} {model}"}
    )
    return found


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0013_credits"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
