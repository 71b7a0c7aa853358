"""What an owner fills in to connect an MCP server, and to choose what of it is offered."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from agents.models import OwnTool
from agents.tool_forms import PLAIN, SignInMixin, ToolForm, WordRows, list_of
from agents.tools import Reveals

USES = (
    ("off", gettext_lazy("not offered")),
    ("look", gettext_lazy("offered: it only looks things up")),
    ("act", gettext_lazy("offered: it does something")),
)


class McpToolForm(SignInMixin, ToolForm):
    """A server and its tools. They are listed by the server, never by what is posted."""

    kind = "mcp"
    places = {"url": "url", "sign_in": "sign_in_how", "tools": "tools"}
    url = forms.CharField(
        label=gettext_lazy("Address of the server"), max_length=1000,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "https://mcp.example.com/mcp"}),
    )  # fmt: skip
    tools = WordRows(
        {"name": 128, "use": 4, "confirm": 1, "claim": 20}, typed=("name",), most=60,
        label=gettext_lazy("Its tools"),
    )  # fmt: skip
    reveals = forms.ChoiceField(
        label=gettext_lazy("Who may be told"), initial=Reveals.BUSINESS, required=False,
        choices=(
            (Reveals.BUSINESS, gettext_lazy("every customer")),
            (Reveals.NOTHING, gettext_lazy("nobody: only whether it worked")),
        ),
    )  # fmt: skip
    rehearse_real = forms.BooleanField(
        label=gettext_lazy("Really look things up in Try and before publishing"), required=False,
        help_text=gettext_lazy("Only tools that look things up; for the others the example stands in."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        how: Any = self.fields["sign_in_how"]
        how.choices = [choice for choice in how.choices if choice[0] in ("none", "bearer", "header")]
        self.offer_secrets()

    @classmethod
    def initial_of(cls, own: OwnTool) -> dict[str, Any]:
        kept = own.definition
        return {
            **super().initial_of(own),
            **cls.initial_sign_in(kept),
            "url": kept.get("url", ""),
            "reveals": kept.get("reveals", Reveals.BUSINESS),
        }

    def clean_url(self) -> str:
        typed: str = self.cleaned_data["url"]
        return typed if "://" in typed else f"https://{typed}"

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("url"):
            self.check_address("url")
        return super().clean()

    def definition(self, data: Mapping[str, Any]) -> dict[str, Any]:
        chosen = {row["name"]: row for row in data["tools"]}
        known = list_of(self.own.definition.get("tools")) if self.own else []
        return {
            "url": data["url"],
            "sign_in": self.sign_in(data),
            "tools": [_chosen(tool, chosen.get(str(tool.get("name")))) for tool in known],
            "reveals": data["reveals"] or Reveals.BUSINESS,
            "rehearsal": self.rehearsal(data),
        }


def _chosen(tool: Mapping[str, Any], row: Mapping[str, str] | None) -> dict[str, Any]:
    """A tool as the server described it, with what the owner chose for it."""
    if row is None:
        return dict(tool)
    return {
        **tool, "use": row["use"] or "off", "confirm": bool(row["confirm"]),
        "claim": row["claim"] if row["use"] == "act" else "",
    }  # fmt: skip
