"""The tools that a business made, their keys and its uploaded tables, in the business file."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from pydantic import Field, model_validator

from agents import own_keeping, own_secrets, own_tools, record_tables, tool_templates
from agents import tools as registry
from agents.models import OwnTool, RecordTable, ToolSecret
from agents.own_definitions import SECRET, Definition, HttpDefinition, McpDefinition, RecordsDefinition
from agents.own_keeping import Words
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError
from tenants import blueprints
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret

KINDS = ("http", "records", "mcp")
NAME = r"^[a-z][a-z0-9_]{0,39}$"


class KeyPart(Part):
    """With this, tools sign in."""

    name: str = Field(pattern=SECRET, min_length=1)
    value: Secret


class TablePart(Part):
    """Rows to look things up in: of a CSV file beside the business file, or written here."""

    name: str = Field(pattern=NAME)
    file: str = Field(default="", max_length=300)
    columns: list[str] = Field(default=[], max_length=record_tables.MOST_COLUMNS)
    rows: list[list[str | int | float | None]] = Field(default=[], max_length=record_tables.MOST_ROWS)

    @model_validator(mode="after")
    def _one(self) -> "TablePart":
        if bool(self.file) == bool(self.columns):
            raise ValueError("needs either a file, or columns with rows")
        if any(len(row) > len(self.columns) for row in self.rows):
            raise ValueError("has a row with more cells than there are columns")
        return self


class ToolPart(Part):
    """A tool, of the kind that stands in it: http, records or mcp."""

    name: str = Field(pattern=NAME)
    title: str = Field(min_length=1, max_length=80)
    when: str = Field(min_length=1, max_length=1000)
    enabled: bool = True
    needs_verified: bool = False
    needs_confirmation: bool = False
    http: HttpDefinition | None = None
    records: RecordsDefinition | None = None
    mcp: McpDefinition | None = None

    @model_validator(mode="after")
    def _one(self) -> "ToolPart":
        if sum(part is not None for part in (self.http, self.records, self.mcp)) != 1:
            raise ValueError("needs one of http, records, mcp")
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def definition(self) -> Definition:
        found: Definition = getattr(self, self.kind)
        return found


def register() -> None:
    """Tell the business file about tools; before the assistants, which name them."""
    for name, model, apply, export, check in (
        ("tool_keys", list[KeyPart], _apply_keys, _export_keys, _check_keys),
        ("record_tables", list[TablePart], _apply_tables, _export_tables, _check_tables),
        ("tools", list[ToolPart], _apply_tools, _export_tools, _check_tools),
    ):
        blueprints.register(blueprints.Section(name, model, apply=apply, export=export, check=check))


def _twice(value: Iterable[Any]) -> Iterable[tuple[Steps, str]]:
    seen: set[str] = set()
    for number, part in enumerate(value):
        if part.name in seen:
            yield (number, "name"), "stands here twice"
        seen.add(part.name)


# -- keys


def _check_keys(value: list[KeyPart], context: Context) -> Iterable[tuple[Steps, str]]:
    return _twice(value)


def _apply_keys(value: list[KeyPart], context: Context) -> None:
    for part in value:
        own_secrets.keep(part.name, part.value, user=context.actor)


def _export_keys(context: Context) -> list[dict[str, Any]] | None:
    kept = ToolSecret.objects.order_by("name")
    return [{"name": secret.name, "value": Hidden(secret.value)} for secret in kept] or None


# -- tables


def _check_tables(value: list[TablePart], context: Context) -> Iterable[tuple[Steps, str]]:
    yield from _twice(value)
    for number, part in enumerate(value):
        try:
            _sheet(part, context)
        except (OSError, record_tables.Unreadable) as error:
            words = "there is no such file" if isinstance(error, OSError) else str(error)
            yield (number, "file"), words


def _sheet(part: TablePart, context: Context) -> record_tables.Sheet:
    """Raises OSError, Unreadable."""
    if part.file:
        return record_tables.read(context.path(part.file).read_bytes())
    cells = [["" if cell is None else str(cell) for cell in row] for row in part.rows]
    width = len(part.columns)
    rows = [dict(zip(part.columns, [*row, *[""] * (width - len(row))], strict=True)) for row in cells]
    return record_tables.Sheet(part.columns, rows)


def _apply_tables(value: list[TablePart], context: Context) -> None:
    for part in value:
        record_tables.keep(name=part.name, sheet=_sheet(part, context), user=context.actor, now=context.now)


def _export_tables(context: Context) -> list[dict[str, Any]] | None:
    """With their rows, whether they came from a file or not: the file may be gone."""
    return [
        {
            "name": table.name,
            "columns": table.columns,
            "rows": [
                [row.get(column, "") for column in table.columns]
                for row in table.rows.order_by("pk").values_list("values", flat=True)
            ],
        }
        for table in RecordTable.objects.order_by("name")
    ] or None


# -- tools


def _check_tools(value: list[ToolPart], context: Context) -> Iterable[tuple[Steps, str]]:
    yield from _twice(value)
    keys, tables = _known(context)
    kinds = dict(OwnTool.objects.values_list("name", "kind")) if context.tenant else {}
    for number, part in enumerate(value):
        definition = part.definition
        if part.name in registry.built_in():
            yield (number, "name"), "is the name of a tool that is built in"
        if kinds.get(part.name, part.kind) != part.kind:
            yield (number, "name"), "is a tool of another kind in this business: remove it there first"
        for name in sorted(own_secrets.asked(definition.model_dump(mode="json")) - keys):
            yield (number, part.kind), f"there is no key {name!r} among tool_keys"
        if isinstance(definition, RecordsDefinition) and definition.store == "table":
            if definition.table not in tables:
                yield (number, part.kind), f"there is no table {definition.table!r} among record_tables"
        elif (problem := _address_problem(definition)) is not None:
            yield (number, part.kind), problem


def _known(context: Context) -> tuple[set[str], set[str]]:
    """The names of keys and tables, in the file and in the business."""
    keys = {part.name for part in context.values.get("tool_keys", [])}
    tables = {part.name for part in context.values.get("record_tables", [])}
    if context.tenant:
        keys |= set(ToolSecret.objects.values_list("name", flat=True))
        tables |= set(RecordTable.objects.values_list("name", flat=True))
    return keys, tables


def _address_problem(definition: Definition) -> str | None:
    """Why its address may not be called; one that is not known now is looked at when it is called."""
    url = definition.address if isinstance(definition, RecordsDefinition) else definition.url
    if not url or (isinstance(definition, RecordsDefinition) and definition.store == "sheets"):
        return None
    url = tool_templates.GAP.sub("x", url)
    try:
        check_outbound(url, allow_private=names_host(url, settings.TOOL_PRIVATE_HOSTS))
    except ProviderError as error:
        is_away = str(error) in ("There is no such host.", "The address cannot be looked up at this moment.")
        return None if is_away else str(error)
    return None


def _apply_tools(value: list[ToolPart], context: Context) -> None:
    for part in value:
        words = Words(part.title, part.when, part.needs_verified, part.needs_confirmation)
        own = OwnTool.objects.filter(name=part.name).first()
        if own is None:
            own = own_keeping.add(
                part.kind, words, part.definition, user=context.actor, now=context.now, name=part.name
            )
        else:
            own_keeping.change(own, words, part.definition, user=context.actor)
        if own.enabled != part.enabled:
            own_keeping.pause(own, enabled=part.enabled, user=context.actor)


def _export_tools(context: Context) -> list[dict[str, Any]] | None:
    return [_tool(own) for own in OwnTool.objects.order_by("name")] or None


def _tool(own: OwnTool) -> dict[str, Any]:
    definition = own_tools.definition_of(own)
    kept = definition.model_dump(mode="json", exclude_defaults=True) if definition else own.definition
    data: dict[str, Any] = {"name": own.name, "title": own.title, "when": own.when}
    data |= {} if own.enabled else {"enabled": False}
    data |= {flag: True for flag in ("needs_verified", "needs_confirmation") if getattr(own, flag)}
    return {**data, own.kind: kept}
