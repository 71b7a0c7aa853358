"""What a tool that a business made is made of: one shape for the forms, the business file and the runs.

Whatever is not said is closed: an answer shows nothing that was not picked, a record no column that was not
chosen, and what is a customer's own is found by their proved phone or e-mail alone.
"""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agents import json_paths, tool_templates
from agents.tools import Claim, Reveals

NAME = r"^[a-z][a-z0-9_]{0,39}$"
SECRET = r"^([a-z0-9][-a-z0-9_]{0,39})?$"
LOOKS = ("GET",)
MOST_ARGUMENTS, MOST_PAIRS, MOST_COLUMNS = 12, 20, 60
Kind = Literal["text", "integer", "number", "yes_no", "date", "choice", "email", "phone"]
Line = Annotated[str, Field(max_length=500)]


class Shape(BaseModel):
    """A piece of a definition; a field that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, validate_default=True)


class Argument(Shape):
    """What the assistant asks the customer for, or takes from their words."""

    name: str = Field(pattern=NAME)
    kind: Kind = "text"
    about: str = Field(default="", max_length=200)
    required: bool = True
    choices: list[Line] = Field(default=[], max_length=40)
    example: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _choices(self) -> "Argument":
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError(_("“%(name)s” needs its choices, one or more.") % {"name": self.name})
        return self


class Pair(Shape):
    """A name with its value, which may have gaps."""

    name: str = Field(min_length=1, max_length=100)
    value: str = Field(default="", max_length=1000)


class Pick(Shape):
    """One thing of the answer that the assistant may see, under a name of the business's."""

    name: str = Field(min_length=1, max_length=60)
    path: str = Field(default="", max_length=json_paths.LONGEST)

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        try:
            json_paths.steps(value)
        except json_paths.BadPath as error:
            raise ValueError(_("“%(path)s” is no place in an answer.") % {"path": value[:60]}) from error
        return value


class Rehearsal(Shape):
    """What stands for the tool where nothing may happen: Try, and the check before publishing."""

    real: bool = False  # a look-up is asked for real
    customer: str = Field(default="", max_length=254)  # the phone or e-mail of a customer who is none
    example: str = Field(default="", max_length=3000)


class SignIn(Shape):
    """How the other system knows us."""

    how: Literal["none", "bearer", "header", "basic", "query"] = "none"
    name: str = Field(
        default="", max_length=100, pattern=r"^[A-Za-z0-9_.-]*$"
    )  # of the header or the parameter
    secret: str = Field(default="", pattern=SECRET)

    @model_validator(mode="after")
    def _whole(self) -> "SignIn":
        if self.how != "none" and not self.secret:
            raise ValueError(_("Choose the key to sign in with."))
        if self.how in ("header", "query") and not self.name:
            raise ValueError(_("Say the name under which the key is sent."))
        return self

    def headers(self) -> list[Pair]:
        """What goes along, the secret by its name."""
        gap = f"{{{{secret:{self.secret}}}}}"
        if self.how == "bearer":
            return [Pair(name="Authorization", value=f"Bearer {gap}")]
        if self.how == "header":
            return [Pair(name=self.name, value=gap)]
        return []

    def query(self) -> list[Pair]:
        gap = f"{{{{secret:{self.secret}}}}}"
        return [Pair(name=self.name, value=gap)] if self.how == "query" else []


class HttpDefinition(Shape):
    """A call of an HTTP endpoint."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(min_length=1, max_length=1000)
    arguments: list[Argument] = Field(default=[], max_length=MOST_ARGUMENTS)
    sign_in: SignIn = SignIn()
    query: list[Pair] = Field(default=[], max_length=MOST_PAIRS)
    headers: list[Pair] = Field(default=[], max_length=MOST_PAIRS)
    body: list[Pair] = Field(default=[], max_length=MOST_PAIRS)
    body_as: Literal["json", "form"] = "json"
    hosts: list[str] = Field(default=[], max_length=10)  # that a look-up may be redirected to
    picks: list[Pick] = Field(default=[], max_length=MOST_PAIRS)
    done_path: str = Field(default="", max_length=json_paths.LONGEST)
    done_value: str = Field(default="", max_length=100)
    claim: Literal[""] | Claim = ""
    reveals: Reveals = Reveals.NOTHING
    owner_path: str = Field(default="", max_length=json_paths.LONGEST)
    owner_by: Literal["phone", "email"] = "phone"
    region: str = Field(default="BR", pattern=r"^[A-Z]{2}$")
    repeatable: bool = False
    rehearsal: Rehearsal = Rehearsal()

    @property
    def acts(self) -> bool:
        return self.method not in LOOKS

    def texts(self) -> list[str]:
        """Everything that may have gaps, but the URL."""
        return [pair.value for pair in (*self.query, *self.headers, *self.body)]

    @model_validator(mode="after")
    def _checked(self) -> "HttpDefinition":
        _refuse_twice(self.arguments)
        _fixed_host(self.url)
        self._gaps()
        if self.body and self.method == "GET":
            raise ValueError(_("A look-up (GET) sends no body: use the parameters of the address."))
        if self.claim and not self.acts:
            raise ValueError(_("A look-up (GET) does nothing that an answer could claim."))
        if self.rehearsal.real and self.acts:
            raise ValueError(_("What changes something is never done for real in a rehearsal."))
        if self.reveals is Reveals.CUSTOMER and not (self.owner_path or self._asks_for_own()):
            raise ValueError(_("Say how it is known that the answer is this customer's own."))
        for path in (self.done_path, self.owner_path):
            Pick(name="x", path=path)
        self._only_theirs()
        return self

    def _only_theirs(self) -> None:
        """Of a list with several customers' entries nothing is picked beside the entries that are kept."""
        place = json_paths.entries(self.owner_path) if self.owner_path else None
        if place is None:
            return
        if "[]" in place[1]:
            raise ValueError(_("The customer's own field may be in one list, not in a list of lists."))
        if any(not pick.path.startswith(f"{place[0]}[]") for pick in self.picks):
            words = _("Pick only from the list in which the customer's own field is: %(path)s")
            raise ValueError(words % {"path": f"{place[0]}[]"})

    def _asks_for_own(self) -> bool:
        return bool(tool_templates.names([self.url, *self.texts()]) & set(tool_templates.OWN))

    def _gaps(self) -> None:
        """Every gap is an argument; those of the URL must be given; headers have secrets only."""
        known = {argument.name: argument for argument in self.arguments}
        used = tool_templates.names([self.url, *self.texts()])
        if strange := used - set(known) - set(tool_templates.OWN):
            raise ValueError(_("There is no argument “%(name)s”.") % {"name": sorted(strange)[0]})
        if unused := set(known) - used:
            words = _("The argument “%(name)s” is used nowhere: write {%(name)s} where it belongs.")
            raise ValueError(words % {"name": sorted(unused)[0]})
        if tool_templates.secrets([self.url]):
            raise ValueError(_("A key does not belong into the address: use the sign-in."))
        if any(name in known and not known[name].required for name in tool_templates.names([self.url])):
            raise ValueError(_("What stands in the address must always be given."))
        if tool_templates.names(pair.value for pair in self.headers):
            raise ValueError(_("Headers have no arguments in them, only fixed words and keys."))


class Column(Shape):
    """A column of a table: what may be done with it."""

    name: str = Field(min_length=1, max_length=200)
    search: Literal["", "same", "part"] = ""
    required: bool = False
    shown: bool = False


class RecordsDefinition(Shape):
    """A look-up in rows, wherever they are."""

    store: Literal["table", "baserow", "sheets", "http"] = "table"
    table: str = Field(
        default="", max_length=200
    )  # the uploaded table's name, Baserow's number, the sheet's name
    address: str = Field(default="", max_length=1000)  # Baserow's server, the spreadsheet's id, the URL
    secret: str = Field(default="", pattern=SECRET)
    sign_in: SignIn = SignIn()
    list_path: str = Field(default="", max_length=json_paths.LONGEST)
    columns: list[Column] = Field(default=[], max_length=MOST_COLUMNS)
    owner_column: str = Field(default="", max_length=200)
    owner_by: Literal["phone", "email"] = "phone"
    region: str = Field(default="BR", pattern=r"^[A-Z]{2}$")
    most: int = Field(default=5, ge=1, le=20)
    rehearsal: Rehearsal = Rehearsal()

    @property
    def reveals(self) -> Reveals:
        return Reveals.CUSTOMER if self.owner_column else Reveals.BUSINESS

    @property
    def searched(self) -> list[Column]:
        return [column for column in self.columns if column.search]

    @property
    def shown(self) -> list[str]:
        return [column.name for column in self.columns if column.shown]

    @model_validator(mode="after")
    def _checked(self) -> "RecordsDefinition":
        if self.store == "http":
            _fixed_host(self.address)
            if tool_templates.names([self.address]):
                raise ValueError(_("The address of a list has no gaps."))
        Pick(name="x", path=self.list_path)
        if self.columns and not self.shown:
            raise ValueError(_("Choose at least one column that may be shown."))
        if self.columns and not self.searched and not self.owner_column:
            raise ValueError(_("Choose at least one column to search in."))
        if self.owner_column and self.owner_column not in {column.name for column in self.columns}:
            raise ValueError(_("There is no column “%(name)s”.") % {"name": self.owner_column})
        return self


class Offered(Shape):
    """A tool of an MCP server, as the server described it when it was last read."""

    name: str = Field(min_length=1, max_length=128)
    description: str = Field(default="", max_length=1000)
    arguments: dict[str, Any] = {}
    use: Literal["off", "look", "act"] = "off"
    confirm: bool = False
    claim: Literal[""] | Claim = ""


class McpDefinition(Shape):
    """An MCP server, and which of its tools are offered."""

    url: str = Field(min_length=1, max_length=1000)
    sign_in: SignIn = SignIn()
    tools: list[Offered] = Field(default=[], max_length=60)
    reveals: Literal[Reveals.NOTHING, Reveals.BUSINESS] = Reveals.BUSINESS
    rehearsal: Rehearsal = Rehearsal()

    @model_validator(mode="after")
    def _checked(self) -> "McpDefinition":
        _fixed_host(self.url)
        if tool_templates.GAP.search(self.url):
            raise ValueError(_("The address of a server has no gaps."))
        if self.sign_in.how == "query":
            raise ValueError(_("An MCP server takes its key in a header."))
        return self


Definition = HttpDefinition | RecordsDefinition | McpDefinition
KINDS: dict[str, type[HttpDefinition] | type[RecordsDefinition] | type[McpDefinition]] = {
    "http": HttpDefinition,
    "records": RecordsDefinition,
    "mcp": McpDefinition,
}


def _refuse_twice(arguments: list[Argument]) -> None:
    seen: set[str] = set()
    for argument in arguments:
        if argument.name in seen:
            raise ValueError(_("The argument “%(name)s” stands here twice.") % {"name": argument.name})
        seen.add(argument.name)


def _fixed_host(url: str) -> None:
    """The scheme, the host and the port are the business's words, and no argument's."""
    match = re.match(r"https?://[^/?#\s]+", url)
    if match is None:
        raise ValueError(_("The address must begin with http:// or https:// and name a host."))
    if "{" in match[0] or "}" in match[0]:
        raise ValueError(_("The host in the address must not have gaps."))
    if "{" in urlsplit(url).query or "{" in urlsplit(url).fragment:
        raise ValueError(_("Put what comes after the ? into the parameters."))
