"""Statements that are written once: Django takes longer to write most of them than PostgreSQL to answer.

A queryset is described as anywhere, with a `slot` for each value that comes with a run. The first run writes
the statement, later ones bind their values only. What is not a slot is the same in every run.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models.expressions import DatabaseDefault, Expression, RawSQL
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery
from django.db.transaction import TransactionManagementError
from psycopg import sql
from psycopg.types.numeric import Int8

from tenants.db import connection, kept

M = TypeVar("M", bound=models.Model)
Describe = Callable[[], Any]
_populators: Any = get_related_populators  # whose types are those of a later Django


class _Slot(Expression):
    """A value's place in a statement; the statement's parameters name it until there is one."""

    def __init__(self, name: str, output_field: Any = None) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]


def slot(name: str, output_field: Any = None) -> Any:
    """Where the value of this name goes: wherever a queryset takes an expression."""
    return _Slot(name, output_field)


class _Written:
    """What a statement says, and how its values become parameters."""

    def __init__(self, text: str, params: Sequence[Any]) -> None:
        self.text, self._params = text, tuple(params)

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        return [_plain(values[one.name]) if isinstance(one, _Slot) else one for one in self._params]

    def as_kept(self) -> str:
        """As `tenants.db.kept` takes it: what is the same in every run stands in it, as an index wants it."""
        shown = (f"%({one.name})s" if isinstance(one, _Slot) else _literal(one) for one in self._params)
        return self.text % tuple(shown)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _sized(value: Any) -> Any:
    """Always in one type: a number's own would change with its size."""
    return Int8(value) if type(value) is int else _plain(value)


def _literal(value: Any) -> str:
    return sql.Literal(_plain(value)).as_string().replace("%", "%%")


class Rows(Generic[M]):
    """The rows of a queryset, as models, with what it selects of others.

    With `plan_kept` PostgreSQL plans it once a connection: for what takes it longer to plan than to run.
    """

    def __init__(self, describe: Callable[[], models.QuerySet[M]], *, plan_kept: bool = False) -> None:
        self._describe, self._plan_kept = describe, plan_kept
        self._written: _Written | None = None

    def __call__(self, **values: Any) -> list[M]:
        written = self._written or self._write()
        if self._locks and connection.get_autocommit():
            raise TransactionManagementError("A row is locked in a transaction only.")
        return [self._model(row) for row in self._found(written, values)]

    def _found(self, written: _Written, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if self._plan_kept:
            return kept(self._text, {name: _sized(value) for name, value in values.items()})
        with connection.cursor() as cursor:
            cursor.execute(written.text, written.bound(values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def first(self, **values: Any) -> M | None:
        """The first row; of many, whoever describes it asks for one only."""
        return next(iter(self(**values)), None)

    def one(self, **values: Any) -> M:
        """The first row; raises its model's DoesNotExist."""
        if (found := self.first(**values)) is None:
            raise self._class.DoesNotExist
        return found

    def _write(self) -> _Written:
        query = self._describe().query
        compiler = query.get_compiler(connection.alias)
        text, params = compiler.as_sql()
        fields = compiler.klass_info["select_fields"]
        self._locks, self._class = query.select_for_update, compiler.klass_info["model"]
        self._start, self._end = fields[0], fields[-1] + 1
        self._names = [one[0].target.attname for one in compiler.select[self._start : self._end]]
        self._beside = _populators(compiler.klass_info, compiler.select, connection.alias)
        self._more = dict(compiler.annotation_col_map or {})
        self._converters = _converters(compiler)
        written = _Written(text, params)
        self._text = written.as_kept() if self._plan_kept else ""
        self._written = written  # last: other threads look at this
        return written

    def _model(self, found: Sequence[Any]) -> M:
        row = _converted(found, self._converters)
        made: M = self._class.from_db(connection.alias, self._names, row[self._start : self._end])
        for beside in self._beside:
            beside.populate(row, made)
        for name, place in self._more.items():
            setattr(made, name, row[place])
        return made


class Values:
    """The rows of a queryset of `values_list`, as tuples."""

    def __init__(self, describe: Describe) -> None:
        self._describe = describe
        self._written: _Written | None = None

    def __call__(self, **values: Any) -> list[tuple[Any, ...]]:
        written = self._written or self._write()
        with connection.cursor() as cursor:
            cursor.execute(written.text, written.bound(values))
            found = cursor.fetchall()
        return [tuple(_converted(row, self._converters)) for row in found] if self._converters else found

    def _write(self) -> _Written:
        compiler = self._describe().query.get_compiler(connection.alias)
        text, params = compiler.as_sql()
        self._converters = _converters(compiler)
        self._written = _Written(text, params)
        return self._written


class Change:
    """An update of a queryset's rows, which returns how many it changed.

    `sets` are fields with a slot of their own name each; `fixed` ones are the same in every run.
    """

    def __init__(self, describe: Describe, *sets: str, **fixed: Any) -> None:
        self._describe, self._sets, self._fixed = describe, sets, fixed
        self._written: _Written | None = None

    def __call__(self, **values: Any) -> int:
        written = self._written or self._write()
        for name, field in self._fields.items():
            values[name] = field.get_db_prep_save(values[name], connection)
        with connection.cursor() as cursor:
            cursor.execute(written.text, written.bound(values))
            changed: int = cursor.rowcount
        return changed

    def _write(self) -> _Written:
        described = self._describe()
        self._fields = {name: described.model._meta.get_field(name) for name in self._sets}
        query = described.query.chain(UpdateQuery)
        query.add_update_values({name: slot(name) for name in self._sets} | self._fixed)
        query.annotations = {}
        text, params = query.get_compiler(connection.alias).as_sql()
        self._written = _Written(text, params)
        return self._written


class Part:
    """A queryset of one value as a part of other statements: a call gives an expression of this type."""

    def __init__(self, describe: Describe, output_field: Any) -> None:
        self._describe, self._output_field = describe, output_field
        self._written: _Written | None = None

    def __call__(self, **values: Any) -> RawSQL:
        written = self._written or self._write()
        return RawSQL(written.text, written.bound(values), self._output_field)

    def _write(self) -> _Written:
        self._written = _Written(*self._describe().query.get_compiler(connection.alias).as_sql())
        return self._written


_inserts: dict[tuple[Any, ...], str] = {}


def add(*rows: models.Model) -> None:
    """As `row.save(force_insert=True)` of rows of one kind, in one statement; of a model without parents."""
    if not rows:
        return
    told = [_told(row) for row in rows]
    shapes = [tuple((column, shown) for column, shown, _values in one) for one in told]
    left = [one for one in rows[0]._meta.local_concrete_fields if one.column not in dict(shapes[0])]
    values = [value for one in told for _column, _shown, given in one for value in given]
    with connection.cursor() as cursor:
        cursor.execute(_insert(type(rows[0]), shapes, left), values)
        found = cursor.fetchall() if left else [()] * len(rows)
    for row, given in zip(rows, found, strict=True):
        row._state.adding, row._state.db = False, connection.alias
        for field, value in zip(left, given, strict=True):
            setattr(row, field.attname, _read(field, value))


def _told(row: models.Model) -> list[tuple[str, str, Sequence[Any]]]:
    """What is said of each column: how it stands in the statement, and its values."""
    found: list[tuple[str, str, Sequence[Any]]] = []
    for field in row._meta.local_concrete_fields:
        value = field.pre_save(row, add=True)
        if isinstance(value, DatabaseDefault) or (value is None and field is row._meta.auto_field):
            continue  # the database gives it
        if isinstance(value, RawSQL):
            found.append((str(field.column), f"({value.sql})", value.params))
        else:
            found.append((str(field.column), "%s", [_plain(field.get_db_prep_save(value, connection))]))
    return found


def _insert(model: Any, shapes: Sequence[tuple[tuple[str, str], ...]], left: Sequence[Any]) -> str:
    key = (model, *shapes)
    if (text := _inserts.get(key)) is None:
        quoted = connection.ops.quote_name
        columns = ", ".join(quoted(column) for column, _shown in shapes[0])
        given = ", ".join(f"({', '.join(shown for _column, shown in shape)})" for shape in shapes)
        text = f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) VALUES {given}"
        text += f" RETURNING {', '.join(quoted(one.column) for one in left)}" if left else ""
        _inserts[key] = text
    return text


def _read(field: Any, value: Any) -> Any:
    for convert in field.get_db_converters(connection):
        value = convert(value, field.cached_col, connection)
    return value


def _converters(compiler: Any) -> list[tuple[int, Sequence[Any], Any]]:
    found = compiler.get_converters([expression for expression, _sql, _alias in compiler.select])
    return [(place, convert, expression) for place, (convert, expression) in found.items()]


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Sequence[Any], Any]]) -> list[Any]:
    read = list(row)
    for place, converters_of, expression in converters:
        for convert in converters_of:
            read[place] = convert(read[place], expression, connection)
    return read
