"""The back office's pages about the platform itself: failed jobs, flags, announcements, impersonations."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from tenants import audit, backoffice_pages, failures, flags, impersonating
from tenants.backoffice import ReadOnlyAdmin
from tenants.models import Announcement, FeatureFlag, Impersonation, TaskFailure, TenantState, User

SELECT: Any = UnfoldAdminSelectWidget


def _who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@admin.register(TenantState)
class TenantStateAdmin(ReadOnlyAdmin):
    """How every business stands, counted once a minute; sorted by any of it."""

    list_display = (
        "tenant", "waiting", "oldest_waiting_at", "channels_down", "balance", "held", "incidents",
        "failed_messages", "unknown_messages", "parked_events", "parked_hooks", "failed_documents",
        "failed_tasks", "last_activity_at", "refreshed_at",
    )  # fmt: skip
    search_fields = ("tenant__name", "tenant__slug")
    list_select_related = ("tenant",)
    ordering = ("tenant",)
    list_fullwidth = True


class OpenFilter(admin.SimpleListFilter):
    """Those that are not over, unless one asks for the others."""

    title = gettext_lazy("state")
    parameter_name = "over"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", _("all")), ("yes", _("over"))]

    def choices(self, changelist: Any) -> Any:
        """As usual, and what no choice means is said."""
        for choice in super().choices(changelist):
            yield {**choice, "display": _("open")} if not choice["query_string"].count("over=") else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskFailure]) -> QuerySet[TaskFailure]:
        if self.value() == "yes":
            return queryset.exclude(resolved_at=None)
        return queryset if self.value() == "all" else queryset.filter(resolved_at=None)


@admin.register(TaskFailure)
class TaskFailureAdmin(ReadOnlyAdmin):
    """Work in the background that raised for good; tried again from here."""

    list_display = (
        "task",
        "schema",
        "ids",
        "error",
        "place",
        "count",
        "last_at",
        "retried_at",
        "resolved_at",
    )
    list_filter = (OpenFilter, "error", "task")
    search_fields = ("task", "schema", "error")
    ordering = ("-last_at", "-pk")
    actions = ("try_again",)
    actions_detail = ("try_one_again",)

    def has_retry_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tenants.change_taskfailure"))

    @admin.action(description=gettext_lazy("Try again"), permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[TaskFailure]) -> None:
        now = timezone.now()
        done = sum(failures.retry(row, now=now) for row in queryset[:200])
        if done:
            audit.record("trouble.tasks", actor=_who(request), rows=done)
        told = ngettext("%(n)s is tried again.", "%(n)s are tried again.", done) % {"n": done}
        self.message_user(request, told if done else _("There was nothing to try again."))

    @action(description=gettext_lazy("Try again"), url_path="again", permissions=["retry"])
    def try_one_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if request.method != "POST":
            about = _("The job runs once more, with the same ids. It finds for itself what there is to do.")
            return self._sure(request, row, title=_("Try again"), about=about)
        if row is not None and failures.retry(row, now=timezone.now()):
            audit.record("trouble.tasks", actor=_who(request), target=row.pk, rows=1)
            messages.success(request, _("It is tried again; when it goes well this is over."))
        return redirect(reverse("admin:tenants_taskfailure_changelist"))

    def _sure(self, request: HttpRequest, row: Any, *, title: str, about: str) -> HttpResponse:
        site: Any = self.admin_site
        back = reverse("admin:tenants_taskfailure_changelist")
        return site.sure(request, title=title, about=about, back=back, row=row)


class FlagForm(forms.ModelForm):
    """A flag that the code knows; others would do nothing."""

    class Meta:
        model = FeatureFlag
        fields = ("name", "state", "percent", "tenants")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            names = [(flag.name, f"{flag.name}: {flag.does}") for flag in flags.known.values()]
            self.fields["name"] = forms.ChoiceField(
                label=_("name"),
                choices=names,
                help_text=_("Without a row it is as the code says."),
                widget=SELECT(),
            )


@admin.register(FeatureFlag)
class FeatureFlagAdmin(ModelAdmin):
    """What may be switched off, or on for some, without a new version. A row that goes leaves the default."""

    form = FlagForm
    list_display = ("name", "state", "percent", "does", "changed_at")
    ordering = ("name",)
    autocomplete_fields = ("tenants",)
    readonly_fields: Any = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj is not None else ()

    @display(description=gettext_lazy("what it does"))
    def does(self, row: FeatureFlag) -> str:
        flag = flags.known.get(row.name)
        return flag.does if flag else "–"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        row = form.instance
        audit.record("flag.set", actor=_who(request), target=row.name, state=row.state, percent=row.percent)
        flags.forget()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record("flag.delete", actor=_who(request), target=obj.name)
        super().delete_model(request, obj)
        flags.forget()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FeatureFlag]) -> None:
        for row in queryset:
            self.delete_model(request, row)


class AnnouncementForm(forms.ModelForm):
    class Meta:
        model = Announcement
        fields = (
            "level", "text_en", "text_pt", "text_es", "text_fr", "begins_at", "ends_at", "shown_from",
            "shown_until",
        )  # fmt: skip

    def clean(self) -> Any:
        """Times in their order, each said at its own field."""
        given: dict[str, Any] = super().clean() or {}
        for first, second in (("shown_from", "shown_until"), ("begins_at", "ends_at")):
            if given.get(first) and given.get(second) and given[first] >= given[second]:
                self.add_error(second, _("This is before it begins."))
        return given


@admin.register(Announcement)
class AnnouncementAdmin(ModelAdmin):
    """What every dashboard shows until it is read or over; times are UTC here, and the reader's own there."""

    form = AnnouncementForm
    list_display = ("text_en", "level", "begins_at", "ends_at", "shown_from", "shown_until")
    list_filter = ("level",)
    ordering = ("-shown_until", "-pk")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = obj.created_by or request.user
        super().save_model(request, obj, form, change)
        audit.record("announcement.set", actor=_who(request), target=obj.pk)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record("announcement.delete", actor=_who(request), target=obj.pk)
        super().delete_model(request, obj)


@admin.register(Impersonation)
class ImpersonationAdmin(ReadOnlyAdmin):
    """Who looked at which business as whom. One is begun at the business, and entered or ended here."""

    list_display = (
        "created_at", "staff", "tenant", "member", "mode", "reason", "granted_by", "entered_at", "expires_at",
        "ended_at",
    )  # fmt: skip
    list_filter = ("mode",)
    search_fields = ("staff__email", "member__email", "tenant__name", "reason")
    list_select_related = ("staff", "tenant", "member", "granted_by")
    ordering = ("-pk",)
    actions_detail = ("go_in", "end")

    def has_own_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tenants.view_impersonation"))

    @action(description=gettext_lazy("Go in"), url_path="go-in", permissions=["own"])
    def go_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._row(object_id)
        if row is None:
            return redirect(reverse("admin:tenants_impersonation_changelist"))
        return backoffice_pages.go_in_again(request, row)

    @action(description=gettext_lazy("End it now"), url_path="end", permissions=["own"])
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, user = self._row(object_id), _who(request)
        back = reverse("admin:tenants_impersonation_changelist")
        if request.method != "POST":
            site: Any = self.admin_site
            about = _("Who looks in is sent out at their next click.")
            return site.sure(request, title=_("End it now"), about=about, back=back, row=row)
        if row is not None and (user.is_superuser or user.pk == row.staff_id):
            impersonating.end(row, now=timezone.now(), by=user)
            messages.success(request, _("It is over."))
        return redirect(back)

    def _row(self, object_id: str) -> Impersonation | None:
        rows = Impersonation.objects.select_related("staff", "tenant", "member")
        return rows.filter(pk=object_id).first() if object_id.isdigit() else None
