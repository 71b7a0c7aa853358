"""A business described in one YAML file: checked whole, applied in one transaction, written back.

Each app registers its part of the file in `AppConfig.ready()`:

    class CreditsPart(blueprints.Part):                      # a pydantic model; unknown fields are errors
        grant: int = Field(gt=0)
        key: str = "business-file"

    def apply(value: CreditsPart, context: blueprints.Context) -> None:
        credits.grant(value.grant, key=f"file:{value.key}", reason="business file", now=context.now)

    def export(context: blueprints.Context) -> dict[str, Any] | None:
        ...                                                  # plain data, or None to leave the key out

    blueprints.register(blueprints.Section("credits", CreditsPart, apply=apply, export=export))

`model` may be any type that pydantic validates (`list[ChannelPart]`). `apply` and `export` run in the schema
of the tenant; `apply` inside the one transaction, again and again with the same result. Optional:
`check(value, context)` yields `(path, message)` for what a model cannot see (a file that is missing), before
anything changes; `plan(value, context)` tells the changes in words when comparing `export` with the file does
not; `report(context)` is the section's part of `apply --json`. What must be undone when the transaction fails
(a stored file) is given to `context.undo(callable)`. Files are found with `context.path("price.pdf")`.

Any text of the file may be `env:NAME`: sections see the variable's value. A field declared as
`blueprints.Secret` must be such a reference; `export` returns `blueprints.Hidden(value)` for it and the
machinery writes the reference that the file had. Items of a list are told apart by their `name` (or `path`).
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from django.conf import settings
from django.db import transaction
from django_tenants.utils import schema_context
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from tenants import addresses, audit, blueprint_files, catalogue, names, provisioning
from tenants.blueprint_files import Hidden, Loaded, Problem, Steps
from tenants.db import connection
from tenants.models import LANGUAGES, Domain, Membership, Role, Tenant, User

__all__ = [
    "BlueprintError", "Context", "Hidden", "Part", "Problem", "Secret", "Section", "add", "apply", "export",
]  # fmt: skip

Secret = Annotated[str, Field(min_length=1, json_schema_extra={"secret": True})]


class Part(BaseModel):
    """A piece of the file; a field that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, validate_default=True)


class BusinessPart(Part):
    """Who the business is."""

    name: str = Field(min_length=1, max_length=120)
    slug: str
    timezone: str = "America/Sao_Paulo"
    language: str = "pt-br"
    domain: str = ""

    @field_validator("slug")
    @classmethod
    def _slug(cls, value: str) -> str:
        return names.check_slug(value)

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        if value not in provisioning.available_timezones():
            raise ValueError(f"there is no time zone {value!r}")
        return value

    @field_validator("language")
    @classmethod
    def _language(cls, value: str) -> str:
        if value not in dict(LANGUAGES):
            raise ValueError(f"must be one of {', '.join(dict(LANGUAGES))}")
        return value


class OwnerPart(Part):
    """Who signs in first. The password is set when the login is new; an existing login keeps its own."""

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
    name: str = ""
    password: str = ""


class BlueprintError(Exception):
    """The file cannot be applied; `problems` say where and why. Nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass
class Context:
    """What a section may know while it works."""

    folder: Path
    now: datetime
    tenant: Tenant | None = None  # None while a plan is made for a business that is not there yet
    actor: User | None = None
    values: dict[str, Any] = field(default_factory=dict)  # the whole file, by section
    undo_stack: ExitStack = field(default_factory=ExitStack)

    def path(self, text: str) -> Path:
        """A file named in the business file: relative to that file's folder, or one that ships with us."""
        if (ours := catalogue.path_of(text)) is not None:
            return ours
        return (self.folder / Path(text).expanduser()).resolve()

    def undo(self, action: Callable[[], Any]) -> None:
        """Call this when the transaction fails after all."""
        self.undo_stack.callback(action)


def _nothing(*_: Any) -> Iterable[Any]:
    return ()


@dataclass(frozen=True)
class Section:
    """One top-level key of the file, and what it means."""

    name: str
    model: Any
    apply: Callable[[Any, Context], None]
    export: Callable[[Context], Any]
    check: Callable[[Any, Context], Iterable[tuple[Steps, str]]] = _nothing
    plan: Callable[[Any, Context], list[str]] | None = None
    report: Callable[[Context], Any] | None = None


@dataclass(frozen=True)
class Result:
    """What `apply` did or, with `check`, would do."""

    slug: str
    created: bool
    changes: list[str]
    tenant: Tenant | None
    report: dict[str, Any]


_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    """Add a top-level key; sections are applied in the order of their registration."""
    _sections[section.name] = section


def apply(file: Path, *, now: datetime, check: bool = False, actor: User | None = None) -> Result:
    """Create or update the business of a file, whole or not at all. Raises BlueprintError."""
    loaded = blueprint_files.load(file)
    if loaded.problems:
        raise BlueprintError(loaded.problems)
    values = _validated(loaded)
    with schema_context("public"):
        tenant = Tenant.objects.filter(slug=values["business"].slug).first()
    context = Context(folder=file.resolve().parent, now=now, tenant=tenant, actor=actor, values=values)
    _check(values, loaded, context)
    changes = _plan(values, loaded, context)
    if check:
        return Result(values["business"].slug, tenant is None, changes, tenant, {})
    made = _apply(values, loaded, context)
    return Result(made.slug, tenant is None, changes, made, _report(made, context))


def add(
    loaded: Loaded,
    *,
    tenant: Tenant,
    folder: Path,
    now: datetime,
    undo: ExitStack,
    actor: User | None = None,
) -> None:
    """Apply a file's sections to a business that is there, in the caller's transaction and its schema.

    Who the business and its owner are stays as it is. `undo` is what the caller does when its transaction
    fails. Raises BlueprintError.
    """
    values = _validated(loaded)
    context = Context(
        folder=folder.resolve(), now=now, tenant=tenant, actor=actor, values=values, undo_stack=undo
    )
    _check(values, loaded, context)
    with _inside(tenant):
        for section in _present(values):
            section.apply(values[section.name], context)


def export(tenant: Tenant, *, now: datetime) -> str:
    """The business as YAML; secrets are references to the environment."""
    context = Context(folder=Path(), now=now, tenant=tenant)
    data = {**_exported_core(tenant)}
    with _inside(tenant):
        for section in _sections.values():
            part = section.export(context)
            if part is not None:
                data[section.name] = part
    return blueprint_files.dump(data, slug=tenant.slug, references=tenant.references)


# -- checking


def _validated(loaded: Loaded) -> dict[str, Any]:
    """Each section's value as its model; raises BlueprintError with every problem of the file."""
    models: dict[str, Any] = {"business": BusinessPart, "owner": OwnerPart}
    models |= {section.name: section.model for section in _sections.values()}
    problems, values = [], {}
    for key in loaded.data:
        if key not in models:
            problems.append(loaded.problem((key,), f"is not known; known are {', '.join(models)}"))
    if "business" not in loaded.data:
        problems.append(loaded.problem((), "business: is missing"))
    for name in [name for name in models if name in loaded.data]:
        adapter = TypeAdapter(models[name])
        try:
            values[name] = adapter.validate_python(loaded.data[name])
        except ValidationError as error:
            problems += [_problem(loaded, name, detail) for detail in error.errors(include_url=False)]
        problems += blueprint_files.plain_secrets(loaded, name, adapter.json_schema())
    problems += _plain_password(loaded)
    if problems:
        raise BlueprintError(sorted(problems, key=lambda problem: problem.line))
    return values


def _problem(loaded: Loaded, name: str, detail: Any) -> Problem:
    message = detail["msg"].removeprefix("Value error, ")
    return loaded.problem(_place(loaded, (name, *detail["loc"])), message[:1].lower() + message[1:])


def _place(loaded: Loaded, steps: Steps) -> Steps:
    """Without the name of the chosen shape, which stands in a union's errors but not in the file."""
    place: Steps = ()
    for step in steps[:-1]:
        place = (*place, step) if (*place, step) in loaded.lines else place
    return (*place, steps[-1])


def _plain_password(loaded: Loaded) -> list[Problem]:
    """In production not even the first password may stand in a file."""
    owner = loaded.data.get("owner")
    if settings.PUBLIC_SCHEME == "http" or not isinstance(owner, dict) or not owner.get("password"):
        return []
    steps = ("owner", "password")
    return [] if steps in loaded.references else [loaded.problem(steps, "must be written as env:NAME")]


def _check(values: dict[str, Any], loaded: Loaded, context: Context) -> None:
    """What only the app can see: files that are missing, names that lead nowhere."""
    problems = []
    with _inside(context.tenant):
        for section in _present(values):
            for steps, message in section.check(values[section.name], context):
                problems.append(loaded.problem((section.name, *steps), message))
    if context.tenant is None and "owner" not in values:
        problems.append(loaded.problem((), "owner: is missing, and the business is new"))
    if context.tenant is None and _domain_taken(values["business"]):
        problems.append(loaded.problem(("business", "domain"), "another business has this host name"))
    if problems:
        raise BlueprintError(problems)


def _domain_taken(business: BusinessPart) -> bool:
    wanted = business.domain or provisioning.host_of(business.slug)
    return Domain.objects.filter(domain=wanted).exists()


def _plan(values: dict[str, Any], loaded: Loaded, context: Context) -> list[str]:
    tenant = context.tenant
    if tenant is None:
        return [
            f"business {values['business'].slug}: create",
            *(f"{s.name}: create" for s in _present(values)),
        ]
    changes = blueprint_files.differences("business", _core(tenant), _asked(values["business"], tenant))
    owner = values.get("owner")
    if owner and not _owners(tenant).filter(user__email=owner.email.lower()).exists():
        changes.append(f"owner: add {owner.email}")
    with _inside(tenant):
        for section in _present(values):
            value = values[section.name]
            changes += (
                section.plan(value, context) if section.plan else _compared(section, value, loaded, context)
            )
    return changes


def _compared(section: Section, value: Any, loaded: Loaded, context: Context) -> list[str]:
    wanted = TypeAdapter(section.model).dump_python(value, mode="json", exclude_unset=True)
    return blueprint_files.differences(section.name, section.export(context), wanted)


# -- applying


def _apply(values: dict[str, Any], loaded: Loaded, context: Context) -> Tenant:
    with context.undo_stack as undo:
        with schema_context("public"), transaction.atomic(durable=True):
            context.tenant = tenant = _business(values, context)
            tenant.references = tenant.references | loaded.reference_names()
            tenant.save(update_fields=["references"])
            with _inside(tenant):
                for section in _present(values):
                    section.apply(values[section.name], context)
                audit.record("blueprint.apply", actor=context.actor, target=tenant.slug)
        undo.pop_all()  # it is committed: nothing is to be undone any more
    return tenant


def _business(values: dict[str, Any], context: Context) -> Tenant:
    business, tenant = values["business"], context.tenant
    owner = _login(values["owner"]) if "owner" in values else None
    if tenant is None:
        fields = business.model_dump()
        return provisioning.create(**fields, owner=owner, now=context.now)
    for name, value in _asked(business, tenant).items():
        setattr(tenant, name, value)
    tenant.save()
    if owner is not None:
        Membership.objects.update_or_create(user=owner, tenant=tenant, defaults={"role": Role.OWNER})
    return tenant


def _login(part: OwnerPart) -> User:
    """The owner's login, its address taken as confirmed: the operator vouches for it."""
    user = User.objects.filter(email=part.email.lower()).first()
    if user is None:
        user = User.objects.create_user(part.email, part.password or None, name=part.name)
    confirm_email(user)
    return user


def confirm_email(user: User) -> None:
    """Take the user's address as confirmed."""
    from allauth.account.models import EmailAddress

    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def _report(tenant: Tenant, context: Context) -> dict[str, Any]:
    """What a script needs to go on."""
    host = addresses.host_of(tenant)
    report: dict[str, Any] = {
        "host": host,
        "url": addresses.tenant_url(tenant),
        "schema": tenant.schema_name,
        "slug": tenant.slug,
    }
    with _inside(tenant):
        for section in _sections.values():
            if section.report is not None:
                report[section.name] = section.report(context)
    return report


# -- shared


def _present(values: dict[str, Any]) -> list[Section]:
    return [section for section in _sections.values() if section.name in values]


def _inside(tenant: Tenant | None) -> Any:
    """The tenant's schema; without a tenant nothing is entered."""
    stack = ExitStack()
    if tenant is not None:
        stack.enter_context(schema_context(tenant.schema_name))
        connection.set_tenant(tenant)
    return stack


def _core(tenant: Tenant) -> dict[str, Any]:
    return {name: getattr(tenant, name) for name in ("name", "slug", "timezone", "language")}


def _asked(business: BusinessPart, tenant: Tenant) -> dict[str, Any]:
    """What the file says of the business; what it leaves out stays as it is."""
    return _core(tenant) | business.model_dump(exclude_unset=True, exclude={"domain"})


def _owners(tenant: Tenant) -> Any:
    return Membership.objects.filter(tenant=tenant, role=Role.OWNER).select_related("user").order_by("pk")


def _exported_core(tenant: Tenant) -> dict[str, Any]:
    business = _core(tenant)
    host = addresses.host_of(tenant)
    if host != provisioning.host_of(tenant.slug):
        business["domain"] = host
    owner = _owners(tenant).first()
    return {"business": business} | ({"owner": {"email": owner.user.email}} if owner else {})
