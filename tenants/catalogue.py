"""The blueprints that ship with this installation: what a new business may start with, in one click.

An app says in `AppConfig.ready()` which ones there are:

    catalogue.register(Blueprint(name="clinic", file=..., title=_("Clinic"), does=(_("…"), …), icon="…", …))

A path of the form `blueprint:clinic/documents/prices.csv` in a business file is the file that ships with that
blueprint: so what a business took from one can be written back and applied elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise

PREFIX = "blueprint:"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One business to start from; `does` says in three lines what it is good for."""

    name: str
    file: Path
    title: str | Promise
    does: tuple[str | Promise, ...]
    icon: str
    language: str  # of its documents, and of what the product says to its customers
    timezone: str
    speaks: str  # the languages that it answers in, as they call themselves

    def origin(self, path: str) -> str:
        """Where a document of it comes from, however the business moves."""
        return path if path.startswith(PREFIX) else f"{PREFIX}{self.name}/{path}"


_known: dict[str, Blueprint] = {}
_folders: dict[str, Path] = {}


def register(blueprint: Blueprint) -> None:
    """Offer this one."""
    _known[blueprint.name] = blueprint
    share(blueprint.name, blueprint.file.parent)


def share(name: str, folder: Path) -> None:
    """Let business files name what is in this folder, whether or not a business may begin with it."""
    _folders[name] = folder.resolve()


def known() -> dict[str, Blueprint]:
    """All that are offered, by name, in the order in which they are shown."""
    return dict(_known)


def path_of(text: str) -> Path | None:
    """The file that ships with a blueprint; None for any other path, and for one that leaves its folder."""
    name, _slash, rest = text.removeprefix(PREFIX).partition("/")
    folder = _folders.get(name) if text.startswith(PREFIX) else None
    if folder is None:
        return None
    found = (folder / rest).resolve()
    return found if found.is_relative_to(folder) else None
