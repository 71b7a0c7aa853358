"""What a business knows in its business file: files, pages and sites, texts, pairs, folders, tables."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from pydantic import Discriminator, Field, PrivateAttr, Tag

from knowledge import assistants, documents, pairs, sites, sources, texts
from knowledge.kinds import Refused
from knowledge.models import Audience, Document, Source
from knowledge.pairs import Checked, Pair, Row
from knowledge.reaching import Reach, set_document, set_source
from tenants import blueprints
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret

KINDS = ("path", "page", "site", "text", "pairs", "drive", "baserow")


class ReachPart(Part):
    """Whom it is for; what is left out stays as it is."""

    audience: Audience = Audience.CUSTOMERS
    assistants: list[str] = Field(default=[], max_length=50)

    def reach(self) -> Reach | None:
        if not self.model_fields_set & {"audience", "assistants"}:
            return None
        ids = {name: pk for pk, name in assistants.names().items()}
        return Reach(self.audience, tuple(ids[name] for name in self.assistants if name in ids))


class FilePart(ReachPart):
    """A document by its path, relative to the business file."""

    path: str = Field(min_length=1, max_length=300)
    title: str = Field(default="", max_length=200)


class NamedPart(ReachPart):
    """What has a name by which it is known again."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^/\\]+$")


class TextPart(NamedPart):
    """A text that stands in the file."""

    text: str = Field(min_length=1, max_length=texts.LONGEST)


class PairPart(Part):
    """A question with its answer."""

    question: str = Field(min_length=1, max_length=pairs.LONGEST_QUESTION)
    answer: str = Field(min_length=1, max_length=pairs.LONGEST_ANSWER)


class PairsPart(NamedPart):
    """Questions with their answers."""

    pairs: list[PairPart] = Field(min_length=1, max_length=pairs.MOST)

    def checked(self) -> Checked:
        rows = [Row(number, one.question, one.answer) for number, one in enumerate(self.pairs, start=1)]
        return pairs.checked(rows)


class PlacePart(NamedPart):
    """A place that documents come from."""

    kind: ClassVar[str] = ""
    refresh_hours: int = Field(default=24, ge=0, le=sources.MOST_HOURS)
    _place: sources.Place | None = PrivateAttr(None)  # as it was looked at before anything was changed

    def address(self) -> str:
        return str(getattr(self, self.kind))

    def options(self) -> dict[str, Any]:
        return {}

    def secret(self) -> str:
        return ""


class PagePart(PlacePart):
    """One web page."""

    kind: ClassVar[str] = "page"
    page: str = Field(min_length=1, max_length=2000)


class SitePart(PlacePart):
    """A web site."""

    kind: ClassVar[str] = "site"
    site: str = Field(min_length=1, max_length=2000)
    pages: int = Field(default=sites.PAGES, ge=1, le=sites.MOST_PAGES)
    depth: int = Field(default=sites.DEPTH, ge=0, le=sites.MOST_DEPTH)
    files: bool = False
    exclude: list[str] = Field(default=[], max_length=50)

    def options(self) -> dict[str, Any]:
        return self.model_dump(include={"pages", "depth", "files", "exclude"})


class DrivePart(PlacePart):
    """A Google Drive folder, shared with the account whose key this is."""

    kind: ClassVar[str] = "drive"
    drive: str = Field(min_length=1, max_length=2000)
    key: Secret

    def secret(self) -> str:
        return self.key


class BaserowPart(PlacePart):
    """A Baserow table."""

    kind: ClassVar[str] = "baserow"
    baserow: str | int
    token: Secret
    base_url: str = Field(default="", max_length=500)

    def options(self) -> dict[str, Any]:
        return {"base_url": self.base_url}

    def secret(self) -> str:
        return self.token


def _kind_of(part: Any) -> str:
    """What kind of knowledge this is, by the field that only it has."""
    has = part.__contains__ if isinstance(part, dict) else lambda name: hasattr(part, name)
    return f"a {next((kind for kind in KINDS if has(kind)), 'path')}"


KnowledgePart = Annotated[
    Annotated[FilePart, Tag("a path")]
    | Annotated[PagePart, Tag("a page")]
    | Annotated[SitePart, Tag("a site")]
    | Annotated[TextPart, Tag("a text")]
    | Annotated[PairsPart, Tag("a pairs")]
    | Annotated[DrivePart, Tag("a drive")]
    | Annotated[BaserowPart, Tag("a baserow")],
    Discriminator(_kind_of),
]


def register() -> None:
    """Tell the business file about what is known."""
    section = blueprints.Section("knowledge", list[KnowledgePart], apply=_apply, export=_export, check=_check)
    blueprints.register(section)


# -- before anything is changed


def _check(value: list[Any], context: Context) -> Iterable[tuple[Steps, str]]:
    names = set[str]()
    for number, part in enumerate(value):
        if isinstance(part, NamedPart):
            if part.name in names:
                yield (number, "name"), "something else has this name"
            names.add(part.name)
        yield from (((number, *steps), words) for steps, words in _wrong(part, context))


def _wrong(part: Any, context: Context) -> Iterable[tuple[Steps, str]]:
    yield from unknown_assistants(part, context)
    if isinstance(part, FilePart) and not context.path(part.path).is_file():
        yield ("path",), f"there is no file {part.path}"
    if isinstance(part, PairsPart):
        for row in part.checked().wrong:
            yield ("pairs", row.number - 1), row.problem
    if isinstance(part, PlacePart):
        yield from _wrong_place(part, context)


def unknown_assistants(part: ReachPart, context: Context) -> Iterable[tuple[Steps, str]]:
    """What is wrong with the names that a part is kept for."""
    known = set(assistants.names().values()) if context.tenant else set()
    several = context.values.get("assistants", [])
    one = context.values.get("assistant")
    known |= {own.name for own in (*several, *([one] if one else []))}
    for place, name in enumerate(part.assistants):
        if name not in known:
            yield ("assistants", place), f"there is no assistant {name}"


def _wrong_place(part: PlacePart, context: Context) -> Iterable[tuple[Steps, str]]:
    fields = {"address": part.kind, "secret": "key" if part.kind == "drive" else "token"}
    try:
        part._place = sources.checked(
            part.kind, address=part.address(), options=part.options(), secret=part.secret()
        )
    except Refused as error:
        yield (fields.get(error.field, error.field),), str(error)
        return
    _as_kept(part, *part._place)
    there = Source.objects.filter(title=part.name).first() if context.tenant else None
    if there is not None and (there.kind, there.address) != (part.kind, part._place[0]):
        yield ("name",), "another source has this name"


def _as_kept(part: PlacePart, address: str, options: dict[str, Any]) -> None:
    """What the file says, as it is written back: else every comparison would find a change."""
    kept = {part.kind: address, **options}
    for name in part.model_fields_set & set(kept):
        setattr(part, name, kept[name])


# -- applying


def _apply(value: list[Any], context: Context) -> None:
    for part in value:
        if isinstance(part, PlacePart):
            _apply_place(part, context)
        else:
            _apply_document(part, context)


def _apply_document(part: Any, context: Context) -> None:
    common: dict[str, Any] = {"added_by": context.actor, "now": context.now}
    reach = part.reach()
    if isinstance(part, TextPart):
        document = texts.keep(title=part.name, text=part.text, reach=reach, **common)
    elif isinstance(part, PairsPart):
        document = pairs.keep(title=part.name, pairs=part.checked().pairs, reach=reach, **common)
    else:
        document = _file(part, context, **common)
    if reach is not None:
        set_document(document.pk, reach)
    if document.created_at == context.now:
        context.undo(lambda: default_storage.delete(document.file.name or ""))


def _file(part: FilePart, context: Context, **common: Any) -> Document:
    file = context.path(part.path)
    return documents.add(
        file=SimpleUploadedFile(file.name, file.read_bytes()),
        name=file.name,
        title=part.title,
        origin=part.path,
        reach=part.reach(),
        **common,
    )


def _apply_place(part: PlacePart, context: Context) -> None:
    assert part._place is not None  # by _check
    there = Source.objects.filter(title=part.name).first()
    reach = part.reach()
    if there is None:
        sources.add(
            kind=part.kind, title=part.name, address="", secret=part.secret(), place=part._place, reach=reach,
            refresh_hours=part.refresh_hours, added_by=context.actor, now=context.now,
        )  # fmt: skip
        return
    hours = part.refresh_hours if "refresh_hours" in part.model_fields_set else None
    sources.change(
        there.pk, secret=part.secret() or None, place=part._place, refresh_hours=hours, now=context.now
    )
    if reach is not None:
        set_source(there.pk, reach)


# -- exporting


def _export(context: Context) -> list[dict[str, Any]] | None:
    """Files that came by a business file (others stay in the tenant's storage), what was written, places."""
    kept = Document.objects.filter(source=None).order_by("pk")
    known = assistants.names()
    files = [
        {"path": one.origin, "title": one.title, **_reach(one, known)} for one in kept.exclude(origin="")
    ]
    typed = kept.filter(form__in=[Document.Form.TEXT, Document.Form.PAIRS]).exclude(file="")
    written = [{"name": one.title, **_content(one), **_reach(one, known)} for one in typed]
    places = [_place(one, known) for one in Source.objects.order_by("pk")]
    return [*files, *written, *places] or None


def _content(document: Document) -> dict[str, Any]:
    if document.form == Document.Form.TEXT:
        return {"text": texts.of(document)}
    return {"pairs": [_pair(pair) for pair in pairs.of(document)]}


def _pair(pair: Pair) -> dict[str, str]:
    return {"question": pair.question, "answer": pair.answer}


def _place(source: Source, known: dict[int, str]) -> dict[str, Any]:
    data: dict[str, Any] = {"name": source.title, source.kind: source.address}
    options = {name: value for name, value in source.options.items() if name != "account"}
    if source.kind in ("drive", "baserow"):
        data["key" if source.kind == "drive" else "token"] = Hidden(source.secret)
    return {**data, **options, "refresh_hours": source.refresh_hours, **_reach(source, known)}


def _reach(kept: Any, known: dict[int, str]) -> dict[str, Any]:
    reach: dict[str, Any] = {} if kept.audience == Audience.CUSTOMERS else {"audience": kept.audience}
    names = [known[one] for one in kept.agent_ids if one in known]
    return reach | ({"assistants": names} if names else {})
