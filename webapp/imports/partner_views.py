"""Imports: the list, uploading a file, repairing its rows, starting, following and the result.

The pages are the same on both sides: a partner's here, those of a customer's people in `customer_views`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial, wraps
from io import BytesIO
from pathlib import PurePath
from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    get_template_attribute,
    make_response,
    redirect,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import actor as actors
from webapp import clock, languages, pages
from webapp.access import Permission, requires
from webapp.actor import Actor
from webapp.imports import actions, queries, rules, schemas
from webapp.imports.forms import Faults, RowForm, StartForm, UploadForm, choices_with
from webapp.imports.models import Import, ImportRow
from webapp.imports.rules import FileFault
from webapp.organizations import queries as organizations
from webapp.policies import queries as policies

blueprint = Blueprint("imports", __name__, url_prefix="/partner/imports")
NAVIGATION = (pages.Item("partner", "imports.index", lambda: _("Import"), Permission.IMPORT, order=35),)

#: What a form with a file holds beside the file.
_BESIDE = 64 * 1024
#: Seconds after which the page of a running import looks again by itself.
AGAIN = 5


View = Callable[..., ResponseReturnValue]
#: Method, rule below the side's own place, what finds the object, and the page itself.
_PAGES: list[tuple[str, str, Callable[..., Any] | None, View]] = []


def _on_both_sides(method: str, rule: str, on: Callable[..., Any] | None = None) -> Callable[[View], View]:
    """A page that every side has at its own place, by its own permission."""

    def keep(view: View) -> View:
        _PAGES.append((method, rule, on, view))
        return view

    return keep


def serve(side: Blueprint, permission: Permission) -> None:
    """Let a side have all pages of imports."""
    side.url_value_preprocessor(_take_a_file)
    side.register_error_handler(RequestEntityTooLarge, too_large)
    for method, rule, on, view in _PAGES:
        side.add_url_rule(rule, view.__name__, _own_copy(view, permission, on), methods=[method])


def _own_copy(view: View, permission: Permission, on: Callable[..., Any] | None) -> View:
    """A view of a side's own, since each declares who may call it."""

    @wraps(view)
    def own(*arguments: Any, **named: Any) -> ResponseReturnValue:
        return view(*arguments, **named)

    return requires(permission, on=on)(own)


def _is_upload() -> bool:
    return request.endpoint == f"{request.blueprint}.upload"


def _take_a_file(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Only the form that carries a file may be larger than the others; decided before anything of it is parsed."""
    if _is_upload():
        request.max_content_length = rules.FILE_BYTES + _BESIDE


def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say how large a file may be."""
    kind = (request.view_args or {}).get("kind")
    if not _is_upload() or kind not in rules.KINDS:
        raise error
    fault = ("too_large", {"megabytes": rules.FILE_BYTES // 1024 // 1024})
    page = pages.render("imports/file_fault.html", kind=kind, file_name="", faults=[fault], headings=_headings())
    return page, 413


# --- the list --------------------------------------------------------------------------------------------------


@_on_both_sides("GET", "")
def index() -> ResponseReturnValue:
    actor = actors.signed_in()
    older, newer = (pages.read_place(request.args.get(name, "")) for name in ("after", "before"))
    rows, more = queries.list_for(actor, older_than=older, newer_than=None if older else newer)
    is_first = older is None and (newer is None or not more)
    has_next = more if newer is None or older is not None else True
    page = pages.Page(
        rows,
        next_url=pages.with_arguments(after=_cursor(rows[-1].row), before=None) if rows and has_next else "",
        previous_url=pages.with_arguments(before=_cursor(rows[0].row), after=None) if rows and not is_first else "",
    )
    kinds = [each for each in rules.KINDS_OF[actor.organization_kind] if each != "attestations" or _may_attest(actor)]
    return pages.render("imports/index.html", page=page, kinds=kinds)


def _cursor(row: Import) -> str:
    return pages.cursor(row.created_at.isoformat(), str(row.id))


def _may_attest(actor: Actor) -> bool:
    own = organizations.partner_by_id(actor.organization_id)
    return actor.may(Permission.ATTEST) and own is not None and own.programme != "indirect_reseller"


# --- uploading -------------------------------------------------------------------------------------------------


def kind_for(actor: Actor, kind: str) -> str | None:
    """A kind of import that the address names, and that organizations of this kind have."""
    return kind if kind in rules.KINDS_OF[actor.organization_kind] else None


def template_for(actor: Actor, kind: str, language: str, suffix: str) -> tuple[str, str, str] | None:
    """A template file that the address names."""
    known = kind_for(actor, kind) is not None and language in languages.LANGUAGES and suffix in schemas.SUFFIXES
    return (kind, language, suffix) if known else None


def _headings() -> dict[str, str]:
    """What the columns are called on pages and in results, in the reader's language; files may call them so too."""
    return {
        "customer": _("Customer"), "asks": _("Asks for"), "partner": _("Provider or reseller"),
        "recipient": _("Recipient"), "language": _("Language"), "last_day": _("Last day"),
        "given_name": _("First name"), "family_name": _("Last name"), "email": _("Email address"),
        "phone": _("Telephone number"), "agreed_on": _("Date of acceptance"), "licences": _("Licences"),
    }  # fmt: skip


def _upload_page(kind: str, form: UploadForm) -> str:
    return pages.render(
        "imports/new.html", form=form, kind=kind, columns=schemas.columns(kind, languages.language()), headings=_headings(),
        limit=f"{policies.value('import.rows'):,}", megabytes=rules.FILE_BYTES // 1024 // 1024,
    )  # fmt: skip


@_on_both_sides("GET", "/new/<kind>", on=kind_for)
def new(kind: str) -> ResponseReturnValue:
    actions.check_may_import(kind, actors.signed_in())
    return _upload_page(kind, UploadForm(formdata=None))


@_on_both_sides("POST", "/new/<kind>", on=kind_for)
def upload(kind: str) -> ResponseReturnValue:
    actor = actors.signed_in()
    actions.check_may_import(kind, actor)
    sent, form = request.files.get("file"), UploadForm()
    if not form.validate_on_submit() or sent is None or not sent.filename:
        return _upload_page(kind, form), 422
    name = PurePath(sent.filename.replace("\\", "/")).name[:200]
    content = sent.stream.read(rules.FILE_BYTES + 1)
    try:
        found = schemas.read(content, kind, policies.value("import.rows"))
    except FileFault as fault:
        page = pages.render(
            "imports/file_fault.html", kind=kind, file_name=name, faults=fault.faults, headings=_headings()
        )
        return page, 422
    made = actions.upload(
        by=actor, kind=kind, language=languages.language(), file_name=name, sha256=hashlib.sha256(content).hexdigest(),
        lines=[(line.number, line.values) for line in found.lines], ignored=found.ignored,
    )  # fmt: skip
    return redirect(url_for(".show", import_id=made.id))


@_on_both_sides("GET", "/templates/<kind>-<language>.<suffix>", on=template_for)
def template(wanted: tuple[str, str, str]) -> ResponseReturnValue:
    kind, language, suffix = wanted
    explain = get_template_attribute("imports/words.html", "column_hint")
    notes = [
        (schemas.HEADINGS[each.name][language], str(explain(each.name, kind)).strip())
        for each in schemas.columns(kind, language)
    ]
    content = schemas.template(kind, language, suffix, title=_kind_words(kind), notes=(_("How to fill it in"), notes))
    return _file(content, suffix, f"{kind}-{language}.{suffix}")


def _kind_words(kind: str) -> str:
    return str({"invitations": _("Invitations"), "attestations": _("Attestations"), "people": _("People")}[kind])


def _file(content: bytes, suffix: str, name: str) -> ResponseReturnValue:
    return send_file(
        BytesIO(content), mimetype=schemas.SUFFIXES[suffix], as_attachment=True, download_name=name, max_age=0
    )


# --- one import ------------------------------------------------------------------------------------------------


def _number(name: str) -> int:
    word = request.args.get(name, "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0


def _row_form(import_: Import, row: ImportRow, *, sent: bool = False, programme: str | None) -> RowForm:
    """The form of a row, with what is wrong on the fields. `programme`: the partner's own."""
    prefix, faults = f"r{row.number}", row.faults.get("all", [])
    form = RowForm(prefix=prefix) if sent else RowForm(formdata=None, prefix=prefix, data=dict(row.values))
    named = bool(row.values.get("partner")) or any(fault["column"] == "partner" for fault in faults)
    form.keep(import_.kind, indirect=named or programme != "direct_bill")
    for name, choices in choices_with(import_.kind, row.values).items():
        if name in form:
            form[name].choices = choices
    for fault in faults if not sent else ():
        field = form[fault["column"]] if fault["column"] in form else form.columns[0]
        field.errors = [*field.errors, reason(fault["code"], fault["facts"], import_.kind)]
    return form


def _programme(import_: Import) -> str | None:
    own = organizations.partner_by_id(import_.organization_id)
    return own.programme if own is not None else None


def reason(code: str, facts: Mapping[str, Any], kind: str) -> str:
    """What is wrong with a row, or why it was refused, in the reader's language."""
    say = get_template_attribute("imports/words.html", "reason")
    return " ".join(str(say(code, {name: _as_day(value) for name, value in facts.items()}, kind)).split())


def _as_day(value: Any) -> Any:
    """A stored day or moment as such; everything else as it is."""
    try:
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _page(import_: Import) -> str:
    """The page of an import in its state."""
    actor, now = actors.signed_in(), clock.now()
    state = rules.state_of(import_, now)
    counts, programme = queries.count_of(import_), _programme(import_)
    context: dict[str, Any] = {
        "import_": import_, "state": state, "counts": counts, "by": queries.name_of(import_.created_by_id),
        "headings": _headings(), "form": None, "reason": partial(reason, kind=import_.kind),
    }  # fmt: skip
    if state == "checked":
        rows, more = queries.bad_rows(import_.id, _number("after"))
        forms = [(row, _row_form(import_, row, programme=programme)) for row in rows]
        wrong = [field for _row, form in forms for field in form.columns if field.errors]
        context |= {
            "bad": forms, "after": _number("after") or "", "warnings": queries.warnings_of(import_.id), "before": queries.same_file_before(import_),
            "form": Faults(wrong) if "again" in request.args and wrong else None,
            "next_url": pages.with_arguments(after=str(rows[-1].number), again=None) if more else "",
        }  # fmt: skip
    else:
        rows, more = queries.refused_rows(import_.id, _number("after"))
        context |= {
            "refused": rows, "names": queries.customer_names(row.customer_id for row in rows if row.customer_id),
            "next_url": pages.with_arguments(after=str(rows[-1].number)) if more else "",
            "still": "still" in request.args, "runs_as": queries.name_of(import_.person_id),
            "sent_today": queries.mails_today(actor) if import_.kind == "invitations" else (0, 0),
        }  # fmt: skip
    return pages.render("imports/show.html", **context)


@_on_both_sides("GET", "/<uuid:import_id>", on=queries.import_for)
def show(import_: Import) -> ResponseReturnValue:
    response = make_response(_page(import_))
    if rules.state_of(import_, clock.now()) in {"running", "waiting"} and "still" not in request.args:
        response.headers["Refresh"] = str(AGAIN)
    return response


#: The names of the fields of a row: its number in the file, and a column.
_FIELD = re.compile(r"r([0-9]{1,7})-")


@_on_both_sides("POST", "/<uuid:import_id>/rows", on=queries.import_for)
def repair(import_: Import) -> ResponseReturnValue:
    sent = {int(found[1]) for found in map(_FIELD.match, request.form) if found}
    shown = queries.open_rows(import_.id, sorted(sent)[: queries.REPAIRED_AT_ONCE])
    programme = _programme(import_)
    typed = {row.number: _row_form(import_, row, sent=True, programme=programme).values for row in shown}
    word = request.form.get("leave_out", "")
    leave_out = int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0
    found = actions.repair_rows(import_, typed, leave_out=leave_out, by=actors.signed_in())
    if found.left_out:
        flash(_("Row %(number)s is left out.", number=leave_out), "done")
    if found.good:
        flash(ngettext("%(num)s row is repaired.", "%(num)s rows are repaired.", found.good), "done")
    after = request.form.get("after", "")
    place: dict[str, Any] = {"after": after} if after.isascii() and after.isdigit() else {}
    if found.bad and not found.left_out:
        place["again"] = "yes"
    return redirect(url_for(".show", import_id=import_.id, **place))


@_on_both_sides("POST", "/<uuid:import_id>/omission", on=queries.import_for)
def leave_out_all(import_: Import) -> ResponseReturnValue:
    which = "warnings" if request.form.get("which") == "warnings" else "faults"
    count = actions.leave_out_all(import_, which)
    flash(ngettext("%(num)s row is left out.", "%(num)s rows are left out.", count), "done")
    return redirect(url_for(".show", import_id=import_.id))


# --- starting, stopping ----------------------------------------------------------------------------------------


def _start_page(import_: Import, form: StartForm) -> str:
    counts = queries.count_of(import_)
    rules.check_some(counts.waiting, import_.id)
    return pages.render(
        "imports/start.html", import_=import_, counts=counts, form=form, warnings=queries.warnings_of(import_.id),
        sent_today=queries.mails_today(actors.signed_in()) if import_.kind == "invitations" else (0, 0),
    )  # fmt: skip


@_on_both_sides("GET", "/<uuid:import_id>/start", on=queries.import_for)
def start_page(import_: Import) -> ResponseReturnValue:
    if import_.started_at is not None or import_.cancelled_at is not None:
        return redirect(url_for(".show", import_id=import_.id))
    return _start_page(import_, StartForm(formdata=None))


@_on_both_sides("POST", "/<uuid:import_id>/start", on=queries.import_for)
def start(import_: Import) -> ResponseReturnValue:
    form = StartForm()
    if import_.kind != "invitations":
        del form.sends
    if not form.validate_on_submit():
        return _start_page(import_, form), 422
    sends = import_.kind == "invitations" and form.sends.data == "yes"
    if actions.start(import_, by=actors.signed_in(), sends=sends):
        flash(_("It is started. You can close this page: it goes on by itself."), "done")
    else:
        flash(_("It was started before. Nothing is done twice."), "note")
    return redirect(url_for(".show", import_id=import_.id))


@_on_both_sides("POST", "/<uuid:import_id>/pause", on=queries.import_for)
def pause(import_: Import) -> ResponseReturnValue:
    if actions.pause(import_):
        flash(_("It is paused. Rows in hand at this moment were still done."), "done")
    return redirect(url_for(".show", import_id=import_.id))


@_on_both_sides("POST", "/<uuid:import_id>/resumption", on=queries.import_for)
def resume(import_: Import) -> ResponseReturnValue:
    if actions.resume(import_, by=actors.signed_in()):
        flash(_("It goes on, in your name."), "done")
    return redirect(url_for(".show", import_id=import_.id))


@_on_both_sides("GET", "/<uuid:import_id>/cancellation", on=queries.import_for)
def cancellation(import_: Import) -> ResponseReturnValue:
    rules.check_open(import_, clock.now())
    return pages.render("imports/cancellation.html", import_=import_, counts=queries.count_of(import_))


@_on_both_sides("POST", "/<uuid:import_id>/cancellation", on=queries.import_for)
def cancel(import_: Import) -> ResponseReturnValue:
    if actions.cancel(import_, by=actors.signed_in()):
        flash(_("It is cancelled. What was done before stays as it is."), "done")
    return redirect(url_for(".show", import_id=import_.id))


# --- the result ------------------------------------------------------------------------------------------------


@_on_both_sides("GET", "/<uuid:import_id>/result.csv", on=queries.import_for)
def result(import_: Import) -> ResponseReturnValue:
    rules.check_kept(import_)
    names = [column.name for column in schemas.columns(import_.kind, languages.language())]
    headings = _headings()
    heading = [_("Row"), *(headings[name] for name in names), _("Result"), _("Reason"), _("Reference"), _("Link")]
    said = _Said()
    content = schemas.written_csv(heading, (_cells(import_, row, names, said) for row in queries.rows_of(import_.id)))
    stem = PurePath(import_.file_name).stem[:80] or import_.kind
    return _file(content, "csv", _("%(name)s result", name=stem) + ".csv")


class _Said(dict[str, str]):
    """Words that many rows share, each made once."""

    def result(self, sort: str, kind: str) -> str:
        if sort not in self:
            self[sort] = str(get_template_attribute("imports/words.html", "result_words")(sort, kind)).strip()
        return self[sort]

    def reason(self, code: str, facts: Mapping[str, Any], kind: str) -> str:
        key = f"{code} {sorted(facts.items())}"
        if key not in self:
            self[key] = reason(code, facts, kind)
        return self[key]


def _cells(import_: Import, row: ImportRow, names: list[str], said: _Said) -> list[str]:
    """A row of the result: what the file said, and what came of it."""
    code, facts = row.reason, row.facts
    if row.done_at is None and row.fault:
        code, facts = row.fault, (row.faults.get("all") or [{"facts": {}}])[0]["facts"]
    sort = row.result or ("left_out" if row.left_out_at is not None else "bad" if row.fault else "waiting")
    values = [str(row.values.get(name, "")) for name in names]
    words = said.reason(code, facts, import_.kind) if code else ""
    return [str(row.number), *values, said.result(sort, import_.kind), words, row.reference, _link(import_, row)]


def _link(import_: Import, row: ImportRow) -> str:
    """Where to see what came of a row."""
    if row.about_id is None:
        return ""
    if import_.kind == "invitations":
        path = f"/partner/invitations/{row.about_id}"
    elif import_.kind == "people":
        path = f"/users/{row.about_id}"
    else:
        path = f"/partner/customers/{row.customer_id}/agreement"
    return str(current_app.config["PUBLIC_URL"]) + path


serve(blueprint, Permission.IMPORT)
