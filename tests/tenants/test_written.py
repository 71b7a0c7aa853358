"""Statements that are written once: each run brings its values, and sees its own business."""

from typing import Any

import pytest
from django.db.models import QuerySet
from django_tenants.utils import schema_context

from conversations.models import Contact
from tenants import written
from tenants.written import slot


def test_it_is_described_once_and_finds_what_each_business_has(alpha: Any, beta: Any) -> None:
    described: list[str] = []

    def by_name() -> QuerySet[Contact]:
        described.append("once")
        return Contact.objects.filter(name=slot("name")).order_by("pk")

    found = written.Rows(by_name)
    with schema_context(alpha.schema_name):
        written.add(Contact(name="Ana"), Contact(name="100 % Bia"))
        assert [one.name for one in found(name="Ana")] == ["Ana"]
        assert found.one(name="100 % Bia").details == {}
    with schema_context(beta.schema_name):
        assert found.first(name="Ana") is None
        with pytest.raises(Contact.DoesNotExist):
            found.one(name="Ana")
    assert described == ["once"]


def test_a_change_says_how_many_rows_it_changed(in_alpha: Any) -> None:
    renamed = written.Change(
        lambda: Contact.objects.filter(name=slot("was")), "name", "details", is_minor=True
    )
    told = written.Values(
        lambda: Contact.objects.filter(name=slot("name")).values_list("details", "is_minor").order_by("pk")
    )
    written.add(Contact(name="Ana"), Contact(name="Ana"), Contact(name="Bia"))
    assert renamed(was="Ana", name="Cleo", details={"city": "Recife"}) == 2
    assert told(name="Cleo") == [({"city": "Recife"}, True)] * 2
    assert told(name="Bia") == [({}, False)]


def test_what_is_added_is_as_if_it_was_saved(in_alpha: Any) -> None:
    saved = Contact.objects.create(name="Ana")
    added = Contact(name="Ana", created_at=saved.created_at)
    written.add(added)
    told = [Contact.objects.filter(pk=one.pk).values().get() for one in (saved, added)]
    assert {**told[0], "id": added.pk} == told[1]
    added.name = "Bia"
    added.save()
    assert Contact.objects.count() == 2
