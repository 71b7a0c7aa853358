"""Assistant › Conduct: the form, who may open it, what Today and the person's pane say; the business file."""

import json
from datetime import time, timedelta
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations.models import Breaker, Channel, ChatRules, Contact, Conversation
from tenants.models import AuditEntry

PAGE = "/assistant/conduct/"
PLAIN = {
    "out_of_hours": "assistant",
    "out_of_hours_text": "",
    "quiet_from": "22:00",
    "quiet_until": "08:00",
    "answers_a_day": "50",
    "breaks_loops": "on",
    "holding_seconds": "30",
}

OVERLAP = {"mon_0_from": "09:00", "mon_0_until": "12:00", "mon_1_from": "11:00", "mon_1_until": "13:00"}


@pytest.fixture
def owner(client_for: Any, member_of: Any, alpha: Any) -> Any:
    return client_for(alpha, member_of(alpha))


def kept(alpha: Any) -> ChatRules:
    with schema_context(alpha.schema_name):
        return ChatRules.objects.get()


class TestForm:
    def test_keeps_a_week_and_holidays(self, owner: Any, alpha: Any) -> None:
        answer = owner.post(
            PAGE,
            PLAIN
            | {
                "mon_0_from": "09:00", "mon_0_until": "12:00", "mon_1_from": "13:30", "mon_1_until": "18:00",
                "as_monday": "on", "sat_0_from": "18:00", "sat_0_until": "00:00",
                "on_0_date": "2026-12-25", "on_0_name": "Natal", "on_0_spans": "",
                "on_1_date": "2026-12-24", "on_1_name": "", "on_1_spans": "09:00-12:00, 14:00-16:00",
            },
        )  # fmt: skip
        assert answer.status_code == 302, answer.content
        rules = kept(alpha)
        weekday = ["09:00-12:00", "13:30-18:00"]
        assert rules.week == dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), weekday) | {
            "sat": ["18:00-24:00"]
        }
        assert rules.exceptions == [
            {"date": "2026-12-24", "name": "", "spans": ["09:00-12:00", "14:00-16:00"]},
            {"date": "2026-12-25", "name": "Natal", "spans": []},
        ]
        assert (rules.quiet_from, rules.answers_a_day, rules.holding_seconds) == (time(22), 50, 30)
        assert AuditEntry.objects.filter(action="conduct.change").count() == 1

    def test_shows_what_it_kept_and_saving_that_changes_nothing(self, owner: Any, alpha: Any) -> None:
        with schema_context(alpha.schema_name):
            ChatRules(
                week={"mon": ["09:00-12:00", "18:00-24:00"]}, exceptions=[{"date": "2026-12-25"}]
            ).save()
        form = owner.get(PAGE).context["form"]
        values = {
            name: value for name in form.fields if (value := form[name].value()) not in (None, "", False)
        }
        sent = {name: f"{value}" for name, value in values.items()}
        before = kept(alpha)
        assert owner.post(PAGE, sent).status_code == 302
        after = kept(alpha)
        assert (after.week, after.exceptions[0]["date"]) == (before.week, "2026-12-25")
        assert after.holding_seconds == before.holding_seconds

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"mon_0_from": "09:00"}, "mon_0_until"),
            (OVERLAP, "mon_0_from"),
            ({"on_0_date": "2026-12-25", "on_0_spans": "morning"}, "on_0_spans"),
            ({"on_0_date": "", "on_0_name": "Natal"}, "on_0_date"),
            ({"on_0_date": "2026-12-25", "on_1_date": "2026-12-25"}, "on_1_date"),
            ({"on_0_date": "never"}, "on_0_date"),
            ({"quiet_until": ""}, "quiet_until"),
            ({"holding_seconds": "9"}, "holding_seconds"),
            ({"answers_a_day": "-1"}, "answers_a_day"),
            ({"out_of_hours": "nobody"}, "out_of_hours"),
        ],
    )  # fmt: skip
    def test_says_at_the_field_what_is_wrong(self, owner: Any, wrong: dict[str, str], field: str) -> None:
        answer = owner.post(PAGE, PLAIN | wrong)
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]

    @pytest.mark.parametrize(("role", "status"), [("manager", 200), ("agent", 403), ("viewer", 403)])
    def test_is_for_managers(
        self, client_for: Any, member_of: Any, alpha: Any, role: str, status: int
    ) -> None:
        assert client_for(alpha, member_of(alpha, role)).get(PAGE).status_code == status


class TestToday:
    def test_names_a_vendor_that_refuses_the_account_and_tries_it_again(self, owner: Any, alpha: Any) -> None:
        now = timezone.now()
        with schema_context(alpha.schema_name):
            row = Breaker.objects.create(
                vendor="my-claude", cause="account", detail="No credit left.", failures=1,
                opened_at=now, open_until=now + timedelta(hours=1), told_at=now,
            )  # fmt: skip
        page = owner.get("/").content.decode()
        assert "my-claude" in page and "No credit left." in page
        assert owner.post(f"/assistant/vendors/{row.pk}/again").status_code == 302
        with schema_context(alpha.schema_name):
            assert Breaker.objects.get().open_until <= timezone.now()

    def test_is_quiet_when_all_answer(self, owner: Any, alpha: Any) -> None:
        with schema_context(alpha.schema_name):
            Breaker.objects.create(vendor="my-claude", failures=2)
        assert "my-claude" not in owner.get("/").content.decode()


def test_the_persons_pane_says_that_they_opted_out(owner: Any, alpha: Any) -> None:
    with schema_context(alpha.schema_name):
        contact = Contact.objects.create(name="Ana", opted_out_at=timezone.now())
        thread = Conversation.objects.create(
            contact=contact, channel=Channel.objects.order_by("name")[0], address="a"
        )
    page = owner.get(f"/chats/{thread.pk}/person").content.decode()
    assert "withdrawn" in page and "Nothing is sent unasked" in page


FILE = """\
business: {name: Padaria Sol, slug: padaria-sol}
owner: {email: dona@sol.example, password: uma senha longa}
conduct:
  hours:
    mon: ["09:00-12:00", "13:30-18:00"]
    sat: ["18:00-02:00"]
  days:
    - {date: 2026-12-25, name: Natal}
    - {date: 2026-12-24, hours: ["09:00-12:00"]}
  out_of_hours: text
  out_of_hours_text: Voltamos {back}.
  quiet_from: 22:00
  quiet_until: 08:00
  holding_seconds: 45
  answers_a_day: 0
  breaks_loops: false
"""


@pytest.mark.django_db
class TestBusinessFile:
    def apply(self, tmp_path: Any, text: str) -> dict[str, Any]:
        path, out = tmp_path / "business.yaml", StringIO()
        path.write_text(text)
        call_command("apply", file=path, stdout=out, json=True)
        report: dict[str, Any] = json.loads(out.getvalue())
        return report

    def test_there_and_back(self, tmp_path: Any) -> None:
        self.apply(tmp_path, FILE)
        with schema_context("padaria_sol"):
            rules = ChatRules.objects.get()
        assert (rules.quiet_from, rules.quiet_until) == (time(22), time(8))
        assert rules.week["sat"] == ["18:00-02:00"] and len(rules.exceptions) == 2
        out = StringIO()
        call_command("export", "padaria-sol", stdout=out)
        data = yaml.safe_load(out.getvalue())["conduct"]
        assert data["days"][1] == {"date": "2026-12-25", "name": "Natal"}
        assert (data["holding_seconds"], data["answers_a_day"], data["breaks_loops"]) == (45, 0, False)
        assert self.apply(tmp_path, out.getvalue())["changes"] == []

    def test_what_it_leaves_out_stays(self, tmp_path: Any) -> None:
        self.apply(tmp_path, FILE)
        self.apply(tmp_path, "business: {name: Sol, slug: padaria-sol}\nconduct: {holding_seconds: 60}\n")
        with schema_context("padaria_sol"):
            rules = ChatRules.objects.get()
        assert (rules.holding_seconds, rules.out_of_hours, "mon" in rules.week) == (60, "text", True)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"13:30-18:00"', '"11:30-18:00"'),
            ("quiet_until: 08:00", "breaks_loops: true"),
            ("holding_seconds: 45", "holding_seconds: 9"),
            ("2026-12-24", "2026-12-25"),
            ("sat:", "someday:"),
        ],
    )
    def test_what_is_wrong_is_refused(self, tmp_path: Any, old: str, new: str) -> None:
        with pytest.raises(CommandError):
            self.apply(tmp_path, FILE.replace(old, new))
