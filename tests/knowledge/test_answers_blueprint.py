"""Settled answers in the business file: known again by their questions, and never two to one question."""

from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError
from django_tenants.utils import schema_context

from knowledge import settling
from knowledge.models import PinnedAnswer, RegressionCase
from tests.tenants.test_blueprints import apply, export

pytestmark = pytest.mark.django_db
FILE = """\
business: {name: Padaria Sol, slug: padaria-sol}
owner: {email: dona@sol.example}
assistant: {name: Sol}
answers:
  - questions: ["Vocês entregam?", "Tem entrega?", "tem entrega?"]
    answer: Sim, até 5 km, por R$ 8,00.
    language: pt
  - questions: ["Quem faz o pão?"]
    answer: A Dona Lúcia.
    language: pt
    audience: staff
    assistants: [Sol]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "business.yaml"
    found.write_text(FILE)
    return found


def test_are_applied_twice_the_same_and_come_back(file: Path) -> None:
    apply(file)
    assert "nothing to change" in apply(file, check=True)
    apply(file)
    with schema_context("padaria_sol"):
        first, second = PinnedAnswer.objects.order_by("pk")
        assert first.questions.count() == 2
        assert (second.audience, len(second.agent_ids)) == ("staff", 1)
        assert RegressionCase.objects.count() == 2
    written = yaml.safe_load(export("padaria-sol"))["answers"]
    assert written[0]["questions"] == ["Vocês entregam?", "Tem entrega?"]
    assert written[1]["assistants"] == ["Sol"]


def test_another_wording_changes_the_same_answer(file: Path) -> None:
    apply(file)
    file.write_text(FILE.replace("R$ 8,00", "R$ 9,00"))
    assert "answers.Vocês entregam?: change" in apply(file, check=True)
    apply(file)
    with schema_context("padaria_sol"):
        assert "R$ 9,00" in PinnedAnswer.objects.order_by("pk")[0].text
        assert PinnedAnswer.objects.count() == 2


def test_a_question_of_two_answers_is_refused(file: Path, background: object) -> None:
    apply(file)
    file.write_text(FILE.replace('"Tem entrega?", "tem entrega?"', '"Quem faz o pão?"'))
    with pytest.raises(CommandError, match="stands here twice"):
        apply(file)
    with schema_context("padaria_sol"):
        answer = PinnedAnswer.objects.order_by("pk")[0]
        settling.change(answer, questions=["Vocês entregam?"], now=answer.created_at)
        settling.make(
            questions=["Tem entrega?"], text="Não.", language="pt", made_by=None, now=answer.created_at
        )
    file.write_text(FILE)
    with pytest.raises(CommandError, match="several settled answers"):
        apply(file)
