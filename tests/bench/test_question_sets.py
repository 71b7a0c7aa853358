"""Question sets of many forms, the rule for the gold passage, and the figures that come of it."""

import json
from pathlib import Path

import docx
import pytest

from bench.quality import figures, gold, reading, sets
from bench.quality.figures import Outcome
from bench.quality.sets import BadSet, Question

OWN = sorted((reading.ROOT / "bench" / "questions").glob("*.jsonl"))


def written(folder, *rows):
    path = folder / "set.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "golds"),
    [
        ({"question": "q", "gold": "a", "language": "pt"}, ("a",)),
        ({"query": "q", "gold_passage": "a", "lang": "pt-BR"}, ("a",)),
        ({"question": "q", "context": {"text": "a"}, "lang": "Portuguese"}, ("a",)),
        ({"question": "q", "answer_passage": ["a", "b", "a"], "lang": "PT"}, ("a", "b")),
        ({"question": "q", "passages": [{"text": "a"}, "b"], "language": "pt"}, ("a", "b")),
        ({"question": "q", "gold_id": "p1", "language": "pt"}, ("the first",)),
        ({"question": "q", "gold_ids": ["p1", 2], "language": "pt"}, ("the first", "the second")),
        ({"question": "q", "gold": "p1", "language": "pt"}, ("the first",)),
        ({"question": "q", "gold": None, "language": "pt"}, ()),
        ({"question": "q", "passage": "", "language": "pt"}, ()),
        ({"question": "q", "gold": [], "language": "pt"}, ()),
        ({"id": 7, "question": "q", "is_impossible": True, "language": "pt"}, ()),
    ],
)
def test_fields_of_many_names(tmp_path, row, golds):
    path = written(tmp_path, row, {"id": "p1", "text": "the first"}, {"id": 2, "passage": "the second"}, "")
    (asked,) = sets.read(path).questions
    assert (asked.text, asked.golds, asked.language) == ("q", golds, "pt")


def test_what_a_business_reads_is_each_passage_once(tmp_path):
    rows = [{"question": "q", "gold": one, "language": "en"} for one in ("a", "b ", "a")]
    assert sets.read(written(tmp_path, {"id": 1, "text": "c"}, *rows)).texts() == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "this is not JSON"),
        ("[1]", "this is not an object"),
        ({"gold": "a"}, "it has no question"),
        ({"question": " ", "gold": "a"}, "it has no question"),
        ({"question": "q"}, "it has no gold passage, nor null"),
        ({"question": "q", "gold": 1.5}, "neither a text nor null"),
        ({"question": "q", "gold": "  "}, "blank"),
        ({"question": "q", "gold_id": "p9"}, "'p9' is not in the file"),
        ({"question": "q", "gold": "a", "kind": "off"}, "which nothing answers"),
    ],
)
def test_a_bad_line_is_told_with_file_and_line(tmp_path, row, said):
    path = written(tmp_path, {"question": "q", "gold": "a"}, row)
    with pytest.raises(BadSet) as told:
        sets.read(path)
    assert str(told.value).startswith(f"{path}, line 2: ") and said in str(told.value)


def test_many_bad_lines_are_not_all_told(tmp_path):
    with pytest.raises(BadSet, match="and 15 more"):
        sets.read(written(tmp_path, *["{"] * 25))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01", None])
def test_a_file_without_questions_is_told(tmp_path, content):
    path = tmp_path / "set.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSet, match=str(path)):
        sets.read(path)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_our_own_sets_keep_their_promise(path):
    asked = sets.read(path).questions
    unanswerable = [one for one in asked if not one.golds]
    assert len(asked) >= 60 and 0.25 <= len(unanswerable) / len(asked) <= 0.4
    assert {one.kind for one in unanswerable} == {"near", "off"}
    assert len({one.text for one in asked}) == len(asked)
    if path.stem != "cross":
        assert {one.language for one in asked} == {path.stem}
        assert {"plain", "typo", "chat"} <= {one.kind for one in asked}


@pytest.mark.parametrize("business", ["pt", "en", "es", "fr"])
def test_what_answers_our_questions_stands_in_the_documents(business):
    home = reading.home(business)
    assert home is not None
    texts = [text_of(path) for path in home.iterdir()]
    asked = [one for path in OWN for one in sets.read(path).questions if one.business == business]
    plain = [text for one in asked for text in one.golds if ";" not in text and ": " not in text]
    assert len(plain) > 20
    assert [text for text in plain if not any(gold.is_gold(told, text) for told in texts)] == []


def text_of(path):
    if path.suffix != ".docx":
        return path.read_text()
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


LONG = "the quick brown fox jumps over the lazy dog while nine clever cats look on from the old garden wall"


@pytest.mark.parametrize(
    ("passage", "wanted", "same"),
    [
        ("A limpeza custa R$ 190,00.", "limpeza CUSTA r$ 190,00", True),  # case and punctuation
        ("Café da manhã das 7h às 10h.", "cafe da manha das 7h as 10h", True),  # accents
        (f"Animals › Stories\n{LONG}", LONG, True),  # contains it
        ("jumps over the lazy dog while nine clever cats", LONG, True),  # a piece of it
        ("the old", LONG, False),  # too small a piece
        (f"{LONG[:70]} and then something else happened in the town", LONG, True),  # cut elsewhere
        (f"{LONG[:25]} and then something else happened in the town", LONG, False),
        ("Limpeza. Preço: R$ 190; Duração: 45 min; Sala: 2", "Limpeza | R$ 190 | 45 min", True),  # a row
        ("Limpeza. Preço: R$ 150; Duração: 45 min; Sala: 2", "Limpeza | R$ 190 | 45 min", False),
        ("Canal. Preço: R$ 190; Duração: 45 min", "Limpeza | R$ 190 | 45 min", False),
        ("", LONG, False),
        (LONG, "", False),
    ],
)
def test_the_gold_passage_is_known_again(passage, wanted, same):
    assert gold.is_gold(passage, wanted) is same


def test_words_far_apart_are_not_a_row():
    apart = "limpeza " + "e outra coisa " * 30 + "190 " + "mais uma coisa " * 30 + "45 min r"
    assert not gold.is_gold(apart, "Limpeza | R$ 190 | 45 min")


def outcome(*places, golds=1, strength=1.0, refused=False, kind="plain"):
    answers = tuple(f"gold {n}" for n in range(golds))
    return Outcome(Question("q", answers, "pt", kind), places, strength, refused)


def test_hits_and_ranks():
    told = figures.found([outcome(1), outcome(2), outcome(6), outcome(), outcome(golds=0)])
    assert told == {"questions": 4, "hit@1": 0.25, "hit@5": 0.5, "mrr": 0.4167, "ndcg@10": 0.4968}


def test_every_gold_counts_in_ndcg():
    assert figures.found([outcome(1, 2, golds=2)])["ndcg@10"] == 1.0
    assert figures.found([outcome(1, golds=2)])["ndcg@10"] == 0.6131
    assert figures.found([outcome(1, 1, golds=2)])["ndcg@10"] == 1.0  # one passage holds both


def test_refusals_at_the_products_own_threshold():
    asked = [
        outcome(1),
        outcome(4),
        outcome(1, refused=True),
        outcome(golds=0, refused=True, kind="near"),
        outcome(golds=0, kind="near"),
        outcome(golds=0, refused=True, kind="off"),
    ]
    assert figures.refused_by_itself(asked) == {
        "precision": 0.6667, "recall": 0.6667, "answered": 0.6667, "answered_with_gold_among_3": 0.3333,
        "near": 0.5, "off": 1.0,
    }  # fmt: skip


def test_refusals_where_nine_of_ten_are_answered():
    asked = [outcome(1, strength=n / 10) for n in range(1, 11)]
    asked += [outcome(golds=0, strength=s, kind=k) for s, k in ((0.19, "near"), (0.2, "near"), (0.05, "off"))]
    told = figures.refused_at_answered(asked)
    assert (told["threshold"], told["near"], told["off"], told["refused"]) == (0.2, 0.5, 1.0, 0.6667)
    assert figures.refused_at_answered(asked[:10]) == {}


def test_the_home_of_a_business_is_no_path():
    assert reading.home("clinic") == Path(reading.ROOT, "agents/demo/documents")
    assert [reading.home(name) for name in ("", "..", "../../..", "nobody")] == [None] * 4
