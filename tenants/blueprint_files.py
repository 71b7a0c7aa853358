"""The business file as text: YAML with the line of every field, references to the environment, and back."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Steps = tuple[str | int, ...]  # where something stands: ("channels", 0, "base_url")
PREFIX = "env:"


class Hidden:
    """A stored secret in an export: it can be compared with another, and is never shown."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return other == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "••••"


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.message}"


@dataclass
class Loaded:
    """A file's data with the environment filled in, the line of each field, and the references it had."""

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Steps, int] = field(default_factory=dict)
    references: dict[Steps, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, steps: Steps, message: str) -> Problem:
        """A problem at this place, or at the nearest place around it that the file has."""
        known = steps
        while known and known not in self.lines:
            known = known[:-1]
        return Problem(self.file, self.lines.get(known, 1), text_of(steps), message)

    def reference_names(self) -> dict[str, str]:
        """The references by the name of their place, which stays when a list is put in another order."""
        return {name_of(steps, self.data): name for steps, name in self.references.items()}


def load(path: Path) -> Loaded:
    """Read a file; what cannot be read is told in `problems`."""
    loaded = Loaded(str(path))
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        loaded.problems.append(Problem(str(path), 1, "", f"cannot be read: {error.strerror}"))
        return loaded
    except UnicodeDecodeError:
        loaded.problems.append(Problem(str(path), 1, "", "is not UTF-8 text"))
        return loaded
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        loaded.problems.append(Problem(str(path), line, "", f"is not YAML: {error.problem}"))
        return loaded
    if not isinstance(root, yaml.MappingNode):
        loaded.problems.append(Problem(str(path), 1, "", "must be a list of `key: value` lines"))
        return loaded
    loaded.data = _value(root, (), loaded)
    return loaded


def _value(node: yaml.Node, steps: Steps, loaded: Loaded) -> Any:
    """The plain data of a node; notes its line, and puts the environment in place of references."""
    loaded.lines.setdefault(steps, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, steps, loaded)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*steps, number), loaded) for number, item in enumerate(node.value)]
    value = yaml.SafeLoader("").construct_object(node)
    if isinstance(value, str) and value.startswith(PREFIX):
        return _resolved(value, steps, loaded)
    return value


def _mapping(node: yaml.MappingNode, steps: Steps, loaded: Loaded) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place = (*steps, key)
        if key in result:
            problem = Problem(loaded.file, key_node.start_mark.line + 1, text_of(place), "stands here twice")
            loaded.problems.append(problem)
        loaded.lines[place] = key_node.start_mark.line + 1
        result[key] = _value(value_node, place, loaded)
    return result


def _resolved(value: str, steps: Steps, loaded: Loaded) -> str:
    name = value.removeprefix(PREFIX).strip()
    loaded.references[steps] = name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        loaded.problems.append(loaded.problem(steps, f"{value!r} is not env:NAME"))
    elif not os.environ.get(name):
        loaded.problems.append(loaded.problem(steps, f"the environment has no {name}"))
    return os.environ.get(name, "")


def text_of(steps: Steps) -> str:
    """The place as a person reads it: channels[0].base_url."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def name_of(steps: Steps, data: Any) -> str:
    """The place by the names of list items instead of their numbers: channels.whatsapp.api_key."""
    words = []
    for step in steps:
        data = data[step]
        words.append(_label(data, step) if isinstance(step, int) else step)
    return ".".join(words)


def _label(item: Any, number: int) -> str:
    if isinstance(item, dict):
        return str(item.get("name") or item.get("path") or number)
    return str(number)


# -- secrets


def plain_secrets(loaded: Loaded, name: str, schema: dict[str, Any]) -> list[Problem]:
    """Secrets that stand in the file itself, by the fields that the section's schema marks as secret."""
    secret = list(_secret_fields(schema, schema.get("$defs", {})))
    return [
        loaded.problem(steps, "is a secret: write env:NAME and set NAME in the environment")
        for steps in loaded.lines
        if steps[:1] == (name,) and steps not in loaded.references
        if any(_matches(steps[1:], pattern) for pattern in secret) and _at(loaded.data, steps)
    ]


def _secret_fields(schema: dict[str, Any], known: dict[str, Any], place: Steps = ()) -> Iterator[Steps]:
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if schema.get("secret"):
        yield place
    for key, part in schema.get("properties", {}).items():
        yield from _secret_fields(part, known, (*place, key))
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _secret_fields(schema[key], known, (*place, "*"))
    for part in [part for word in ("anyOf", "allOf", "oneOf") for part in schema.get(word, [])]:
        yield from _secret_fields(part, known, place)


def _matches(steps: Steps, pattern: Steps) -> bool:
    return len(steps) == len(pattern) and all(p in ("*", s) for s, p in zip(steps, pattern, strict=True))


def _at(data: Any, steps: Steps) -> Any:
    for step in steps:
        data = data[step]
    return data


# -- writing


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, lists indented under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def dump(data: dict[str, Any], *, slug: str, references: dict[str, str]) -> str:
    """The data as YAML, with `env:NAME` for secrets and for what came from the environment."""
    written = _referenced(data, (), data, slug, references)
    return yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _referenced(value: Any, steps: Steps, root: Any, slug: str, references: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _referenced(v, (*steps, k), root, slug, references) for k, v in value.items()}
    if isinstance(value, list):
        return [_referenced(v, (*steps, n), root, slug, references) for n, v in enumerate(value)]
    name = name_of(steps, root)
    known = references.get(name)
    if isinstance(value, Hidden):
        return PREFIX + (known or _variable(slug, name))
    if known and os.environ.get(known) == value:
        return PREFIX + known
    return value


def _variable(slug: str, name: str) -> str:
    """A name for a secret that never came from the environment: FRONTDESK_AURORA_CHANNELS_WHATSAPP_KEY."""
    return "FRONTDESK_" + re.sub(r"[^A-Z0-9]+", "_", f"{slug}.{name}".upper()).strip("_")


# -- comparing


def differences(place: str, old: Any, new: Any) -> list[str]:
    """The changes from old to new in words. What new leaves out stays, so it is no change."""
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        return [
            line for key, value in new.items() for line in differences(f"{place}.{key}", old.get(key), value)
        ]
    if isinstance(new, list) and all(isinstance(item, dict) for item in new):
        known = {_label(item, n): item for n, item in enumerate(old or [])}
        lines: list[str] = []
        for number, item in enumerate(new):
            label = _label(item, number)
            lines += (
                differences(f"{place}.{label}", known[label], item)
                if label in known
                else [f"{place}.{label}: add"]
            )
        return lines
    if old == new:
        return []
    if isinstance(old, Hidden):
        return [f"{place}: another secret"]
    return [f"{place}: {_short(old)} → {_short(new)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
