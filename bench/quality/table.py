"""The figures as a table for a person. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = ("hit@1", "hit@5", "mrr", "ndcg@10")
AT = "at_90%_answered"


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """The whole result, set by set."""
    for name, figures in result["sets"].items():
        yield from _set(name, figures)
    for name, figures in result.get("calls", {}).items():
        yield f"embedding calls, {name}: " + ", ".join(f"{key} {value}" for key, value in figures.items())


def _set(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    asked = figures["questions"]
    yield ""
    yield (
        f"{name}: {asked['answerable']} answerable and {asked['unanswerable']} unanswerable questions; "
        f"{figures['passages']} passages, {figures['pieces']} naive pieces; documents: {figures['documents']}"
    )
    if figures["golds_in_no_passage"]:
        yield f"  {figures['golds_in_no_passage']} golds stand in no passage"
    yield _row("", "n", *COLUMNS, "refused", "near", "off", "AUC")
    for way, told in figures["ways"].items():
        refusal = told[AT]
        refused = [refusal.get(key) for key in ("refused", "near", "off", "auc")]
        yield _row(way, told["all"].get("questions"), *(told["all"].get(key) for key in COLUMNS), *refused)
    yield from _parts("language", figures["ways"]["product"]["by_language"])
    yield from _parts("kind", figures["ways"]["product"]["by_kind"])
    yield from _parts("of", figures["ways"]["product"]["by_business"])
    yield f"  refused: at the threshold where 90 % of the answerable are answered. {_own(figures)}"
    yield f"  {_beside(figures)}"


def _parts(name: str, parts: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if len(parts) > 1:
        for value, figures in parts.items():
            yield _row(f"  {name} {value}", figures["questions"], *(figures[key] for key in COLUMNS))


def _own(figures: Mapping[str, Any]) -> str:
    own = figures["ways"]["product"]["own_threshold"]
    return "At the product's own: " + ", ".join(f"{key} {value:.3f}" for key, value in own.items())


def _beside(figures: Mapping[str, Any]) -> str:
    beside = figures["beside"]
    return (
        f"hit@5 {beside['hit@5_beside_naive']:.2f} × naive, {beside['points_above_best_part']:+.1f} points "
        f"beside the better part; {figures['citations']['invented']} of {figures['citations']['quoted']} "
        "quotes invented"
    )


def _row(name: str, *values: Any) -> str:
    return f"  {name:<18}" + "".join(f"{_cell(value):>9}" for value in values)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
