"""The typed arguments of a tool that a business made, as a pydantic model that nothing strange passes."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.own_definitions import Argument

MOST_LETTERS = 300
EMAIL = r"^[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}$"
PHONE = r"^\+?[0-9 ().-]{6,25}$"
_BIG = 10**12


def model_of(arguments: Sequence[Argument]) -> type[BaseModel]:
    """A model with these fields and no others; the same arguments give the same model."""
    return _model(tuple(argument.model_dump_json() for argument in arguments))


@lru_cache(maxsize=512)
def _model(written: tuple[str, ...]) -> type[BaseModel]:
    arguments = [Argument.model_validate_json(one) for one in written]
    fields: Any = {argument.name: _field(argument) for argument in arguments}
    made: type[BaseModel] = create_model(
        "Arguments", __config__=ConfigDict(extra="forbid", str_strip_whitespace=True), **fields
    )
    return made


def _field(argument: Argument) -> tuple[Any, Any]:
    kind, about = _kind(argument), _about(argument)
    if argument.required:
        return Annotated[kind, Field(description=about)], ...
    return Annotated[kind | None, Field(description=about)], None


def _about(argument: Argument) -> str:
    """For the model: what it is, with an example where there is one."""
    example = f" For example: {argument.example}" if argument.example else ""
    return f"{argument.about or argument.name.replace('_', ' ')}.{example}".strip()


def _kind(argument: Argument) -> Any:
    kinds: Mapping[str, Any] = {
        "text": Annotated[str, Field(min_length=1, max_length=MOST_LETTERS)],
        "integer": Annotated[int, Field(ge=-_BIG, le=_BIG)],
        "number": Annotated[float, Field(ge=-_BIG, le=_BIG, allow_inf_nan=False)],
        "yes_no": bool,
        "date": date,
        "email": Annotated[str, Field(pattern=EMAIL)],
        "phone": Annotated[str, Field(pattern=PHONE)],
    }
    if argument.kind == "choice":
        return Literal[tuple(argument.choices)]
    return kinds[argument.kind]


def values_of(arguments: Any) -> dict[str, Any]:
    """What was given, by name."""
    if isinstance(arguments, BaseModel):
        return {name: value for name, value in arguments if value is not None}
    return {name: value for name, value in dict(arguments).items() if value is not None}


def named(text: str, *, taken: Sequence[str] = ()) -> str:
    """A name for programs from a person's words: "Nº do pedido" -> "no_do_pedido"; none that is taken."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:34]
    made = made if made[:1].isalpha() else f"x_{made}".strip("_")
    number, found = 2, made
    while found in taken:
        number, found = number + 1, f"{made}_{number}"
    return found
