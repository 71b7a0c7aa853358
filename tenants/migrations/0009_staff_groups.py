"""Three groups of the platform's people, with what each may do. An operator may change them later."""

from django.db import migrations

VIEWS = {
    "support": {
        "tenants": "tenant domain membership user tenantstate taskfailure signup invitation impersonation "
        "staffgrant",
        "conversations": "conversation contact channel message webhookevent incident hookdelivery",
        "agents": "agent agentversion modelprovider",
        "knowledge": "document source",
    },
    "finance": {
        "tenants": "tenant tenantstate auditentry vendorprice",
        "billing": "ledgerentry creditaccount hold usage price",
    },
    "operator": {
        "tenants": "tenant domain membership user tenantstate taskfailure signup invitation impersonation "
        "staffgrant apikey auditentry vendorprice featureflag announcement",
        "auth": "group",
        "conversations": "channel webhookevent incident hookdelivery",
        "agents": "agent agentversion modelprovider",
        "knowledge": "document source",
    },
}
MAY = {
    "support": "conversations.change_conversation conversations.change_message "
    "conversations.change_webhookevent conversations.change_hookdelivery knowledge.change_document "
    "tenants.change_taskfailure tenants.add_impersonation",
    "finance": "billing.add_ledgerentry billing.add_price billing.change_price billing.delete_price",
    "operator": "conversations.change_message conversations.change_webhookevent "
    "conversations.change_hookdelivery knowledge.change_document tenants.change_taskfailure "
    "tenants.change_tenant tenants.change_user tenants.add_staffgrant tenants.delete_staffgrant "
    "tenants.add_featureflag tenants.change_featureflag tenants.delete_featureflag "
    "tenants.add_announcement tenants.change_announcement tenants.delete_announcement "
    "tenants.add_vendorprice tenants.delete_vendorprice",
}


def make(apps, schema_editor):
    """In the public schema only; permissions that are not there yet are made as Django would."""
    if schema_editor.connection.schema_name != "public":
        return
    Group = apps.get_model("auth", "Group")
    for name, tables in VIEWS.items():
        names = [f"{app}.view_{model}" for app, models in tables.items() for model in models.split()]
        group, _made = Group.objects.get_or_create(name=name)
        group.permissions.add(*(permission(apps, one) for one in [*names, *MAY[name].split()]))


def permission(apps, name):
    app, _dot, codename = name.partition(".")
    verb, _line, model = codename.partition("_")
    kinds, permissions = apps.get_model("contenttypes", "ContentType"), apps.get_model("auth", "Permission")
    kind, _made = kinds.objects.get_or_create(app_label=app, model=model)
    found, _made = permissions.objects.get_or_create(
        content_type=kind, codename=codename, defaults={"name": f"Can {verb} {model}"}
    )
    return found


def drop(apps, schema_editor):
    if schema_editor.connection.schema_name == "public":
        apps.get_model("auth", "Group").objects.filter(name__in=list(VIEWS)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0008_desk"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, drop)]
