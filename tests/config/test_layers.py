"""The layers again, over foreign keys: a row may point downwards only, as an import may."""

import tomllib
from itertools import pairwise

import pytest
from django.apps import apps

from config import env

CONTRACTS = tomllib.loads((env.BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = next(contract["layers"] for contract in CONTRACTS if contract["id"] == "layers")
HEIGHT = {
    name.strip(" ()"): -number for number, layer in enumerate(LAYERS) for name in layer.split("|")
}  # fmt: skip


def test_the_contract_has_every_app():
    ours = {config.label for config in apps.get_app_configs() if (env.BASE_DIR / config.label).is_dir()}
    assert ours <= set(HEIGHT)


@pytest.mark.parametrize("model", [model for model in apps.get_models() if model._meta.app_label in HEIGHT])
def test_a_row_points_downwards_only(model):
    source = model._meta.app_label
    for field in model._meta.get_fields():
        target = field.related_model if field.is_relation and not field.auto_created else None
        if target is None or target._meta.app_label not in HEIGHT or target._meta.app_label == source:
            continue
        below = HEIGHT[target._meta.app_label] < HEIGHT[source]
        assert below, f"{model.__name__}.{field.name} points from {source} to {target._meta.app_label}"


def test_the_layers_are_in_order():
    heights = [HEIGHT[name] for name in ("config", "conversations", "knowledge", "tenants")]
    assert all(upper > lower for upper, lower in pairwise(heights))
