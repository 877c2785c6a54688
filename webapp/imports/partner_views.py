"""A partner's imports: the list, uploading a file, repairing its rows, starting, following and the result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
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
from webapp.imports.forms import RowForm, StartForm, UploadForm, choices_with
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


@blueprint.url_value_preprocessor
def _take_a_file(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Only the form that carries a file may be larger than the others; decided before anything of it is parsed."""
    if endpoint == "imports.upload":
        request.max_content_length = rules.FILE_BYTES + _BESIDE


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say how large a file may be."""
    kind = (request.view_args or {}).get("kind")
    if request.endpoint != "imports.upload" or kind not in rules.KINDS:
        raise error
    fault = ("too_large", {"megabytes": rules.FILE_BYTES // 1024 // 1024})
    page = pages.render("imports/file_fault.html", kind=kind, file_name="", faults=[fault], headings=_headings())
    return page, 413


# --- the list --------------------------------------------------------------------------------------------------


@blueprint.get("")
@requires(Permission.IMPORT)
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
    return pages.render("imports/index.html", page=page, may_attest=_may_attest(actor))


def _cursor(row: Import) -> str:
    return pages.cursor(row.created_at.isoformat(), str(row.id))


def _may_attest(actor: Actor) -> bool:
    own = organizations.partner_by_id(actor.organization_id)
    return actor.may(Permission.ATTEST) and own is not None and own.programme != "indirect_reseller"


# --- uploading -------------------------------------------------------------------------------------------------


def kind_for(_actor: Actor, kind: str) -> str | None:
    """A kind of import that the address names."""
    return kind if kind in rules.KINDS else None


def template_for(_actor: Actor, kind: str, language: str, suffix: str) -> tuple[str, str, str] | None:
    """A template file that the address names."""
    known = kind in rules.KINDS and language in languages.LANGUAGES and suffix in schemas.SUFFIXES
    return (kind, language, suffix) if known else None


def _headings() -> dict[str, str]:
    """What the columns are called on pages and in results, in the reader's language; files may call them so too."""
    return {
        "customer": _("Customer"), "asks": _("Asks for"), "partner": _("Provider or reseller"),
        "recipient": _("Recipient"), "language": _("Language"), "last_day": _("Last day"),
        "given_name": _("First name"), "family_name": _("Last name"), "email": _("Email address"),
        "phone": _("Telephone number"), "agreed_on": _("Date of acceptance"),
    }  # fmt: skip


def _upload_page(kind: str, form: UploadForm) -> str:
    return pages.render(
        "imports/new.html", form=form, kind=kind, columns=schemas.columns(kind, languages.language()), headings=_headings(),
        limit=f"{policies.value('import.rows'):,}", megabytes=rules.FILE_BYTES // 1024 // 1024,
    )  # fmt: skip


@blueprint.get("/new/<kind>")
@requires(Permission.IMPORT, on=kind_for)
def new(kind: str) -> ResponseReturnValue:
    actions.check_may_import(kind, actors.signed_in())
    return _upload_page(kind, UploadForm(formdata=None))


@blueprint.post("/new/<kind>")
@requires(Permission.IMPORT, on=kind_for)
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
    return redirect(url_for("imports.show", import_id=made.id))


@blueprint.get("/templates/<kind>-<language>.<suffix>")
@requires(Permission.IMPORT, on=template_for)
def template(wanted: tuple[str, str, str]) -> ResponseReturnValue:
    kind, language, suffix = wanted
    explain = get_template_attribute("imports/words.html", "column_hint")
    notes = [
        (schemas.HEADINGS[each.name][language], str(explain(each.name)).strip())
        for each in schemas.columns(kind, language)
    ]
    content = schemas.template(kind, language, suffix, title=_kind_words(kind), notes=(_("How to fill it in"), notes))
    return _file(content, suffix, f"{kind}-{language}.{suffix}")


def _kind_words(kind: str) -> str:
    return str(_("Invitations") if kind == "invitations" else _("Attestations"))


def _file(content: bytes, suffix: str, name: str) -> ResponseReturnValue:
    return send_file(
        BytesIO(content), mimetype=schemas.SUFFIXES[suffix], as_attachment=True, download_name=name, max_age=0
    )


# --- one import ------------------------------------------------------------------------------------------------


def _number(name: str) -> int:
    word = request.args.get(name, "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0


def _row_form(
    import_: Import, row: ImportRow, values: Mapping[str, str], faults: Any, *, sent: bool, programme: str | None
) -> RowForm:
    """The form of a row, with what is wrong on the fields. `programme`: the partner's own."""
    prefix = f"r{row.number}"
    form = RowForm(prefix=prefix) if sent else RowForm(formdata=None, prefix=prefix, data=dict(values))
    named = bool(values.get("partner")) or any(fault["column"] == "partner" for fault in faults)
    form.keep(import_.kind, indirect=named or programme != "direct_bill")
    for name, choices in choices_with(values).items():
        if name in form:
            form[name].choices = choices
    for fault in faults:
        field = form[fault["column"]] if fault["column"] in form else form.columns[0]
        field.errors = [*field.errors, reason(fault["code"], fault["facts"])]
    return form


def _programme(import_: Import) -> str | None:
    own = organizations.partner_by_id(import_.partner_id)
    return own.programme if own is not None else None


def reason(code: str, facts: Mapping[str, Any]) -> str:
    """What is wrong with a row, or why it was refused, in the reader's language."""
    say = get_template_attribute("imports/words.html", "reason")
    return " ".join(str(say(code, {name: _as_day(value) for name, value in facts.items()})).split())


def _as_day(value: Any) -> Any:
    """A stored day or moment as such; everything else as it is."""
    try:
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _page(import_: Import, repaired: tuple[ImportRow, RowForm] | None = None) -> str:
    """The page of an import in its state; `repaired`: a row whose new values are still wrong."""
    actor, now = actors.signed_in(), clock.now()
    state = rules.state_of(import_, now)
    counts, programme = queries.count_of(import_), _programme(import_)
    context: dict[str, Any] = {
        "import_": import_, "state": state, "counts": counts, "by": queries.name_of(import_.created_by_id),
        "headings": _headings(), "form": repaired[1] if repaired else None, "reason": reason,
    }  # fmt: skip
    if state == "checked":
        rows, more = queries.bad_rows(import_.id, _number("after"))
        forms = [
            (row, repaired[1])
            if repaired and repaired[0].number == row.number
            else (row, _row_form(import_, row, row.values, row.faults.get("all", []), sent=False, programme=programme))
            for row in rows
        ]
        before = queries.same_file_before(import_)
        context |= {
            "bad": forms, "warnings": queries.warnings_of(import_.id), "before": before,
            "next_url": pages.with_arguments(after=str(rows[-1].number)) if more else "",
        }  # fmt: skip
    else:
        rows, more = queries.refused_rows(import_.id, _number("after"))
        context |= {
            "refused": rows, "names": queries.customer_names(row.customer_id for row in rows if row.customer_id),
            "next_url": pages.with_arguments(after=str(rows[-1].number)) if more else "",
            "still": "still" in request.args, "runs_as": queries.name_of(import_.person_id),
            "sent_today": queries.mails_today(actor),
        }  # fmt: skip
    return pages.render("imports/show.html", **context)


@blueprint.get("/<uuid:import_id>")
@requires(Permission.IMPORT, on=queries.import_for)
def show(import_: Import) -> ResponseReturnValue:
    response = make_response(_page(import_))
    if rules.state_of(import_, clock.now()) in {"running", "waiting"} and "still" not in request.args:
        response.headers["Refresh"] = str(AGAIN)
    return response


@blueprint.post("/<uuid:import_id>/rows/<int:number>")
@requires(Permission.IMPORT, on=queries.row_for)
def repair(row: ImportRow) -> ResponseReturnValue:
    import_ = queries.by_id(row.import_id)
    assert import_ is not None
    form = _row_form(import_, row, row.values, [], sent=True, programme=_programme(import_))
    typed = row.values | form.values
    checked = actions.repair(row, values=typed, by=actors.signed_in())
    if not checked.faults:
        flash(_("Row %(number)s is repaired.", number=row.number), "done")
        return redirect(url_for("imports.show", import_id=import_.id))
    faults = [{"column": each.column, "code": each.code, "facts": each.facts} for each in checked.faults]
    again = _row_form(import_, row, typed, faults, sent=False, programme=_programme(import_))
    return _page(import_, (row, again)), 422


@blueprint.post("/<uuid:import_id>/rows/<int:number>/omission")
@requires(Permission.IMPORT, on=queries.row_for)
def leave_out(row: ImportRow) -> ResponseReturnValue:
    actions.leave_out(row)
    flash(_("Row %(number)s is left out.", number=row.number), "done")
    return redirect(url_for("imports.show", import_id=row.import_id))


@blueprint.post("/<uuid:import_id>/omission")
@requires(Permission.IMPORT, on=queries.import_for)
def leave_out_all(import_: Import) -> ResponseReturnValue:
    which = "warnings" if request.form.get("which") == "warnings" else "faults"
    count = actions.leave_out_all(import_, which)
    flash(ngettext("%(num)s row is left out.", "%(num)s rows are left out.", count), "done")
    return redirect(url_for("imports.show", import_id=import_.id))


# --- starting, stopping ----------------------------------------------------------------------------------------


def _start_page(import_: Import, form: StartForm) -> str:
    counts = queries.count_of(import_)
    rules.check_some(counts.waiting, import_.id)
    return pages.render(
        "imports/start.html", import_=import_, counts=counts, form=form, warnings=queries.warnings_of(import_.id),
        sent_today=queries.mails_today(actors.signed_in()),
    )  # fmt: skip


@blueprint.get("/<uuid:import_id>/start")
@requires(Permission.IMPORT, on=queries.import_for)
def start_page(import_: Import) -> ResponseReturnValue:
    if import_.started_at is not None or import_.cancelled_at is not None:
        return redirect(url_for("imports.show", import_id=import_.id))
    return _start_page(import_, StartForm(formdata=None))


@blueprint.post("/<uuid:import_id>/start")
@requires(Permission.IMPORT, on=queries.import_for)
def start(import_: Import) -> ResponseReturnValue:
    form = StartForm()
    if import_.kind == "attestations":
        del form.sends
    if not form.validate_on_submit():
        return _start_page(import_, form), 422
    sends = import_.kind == "invitations" and form.sends.data == "yes"
    if actions.start(import_, by=actors.signed_in(), sends=sends):
        flash(_("It is started. You can close this page: it goes on by itself."), "done")
    else:
        flash(_("It was started before. Nothing is done twice."), "note")
    return redirect(url_for("imports.show", import_id=import_.id))


@blueprint.post("/<uuid:import_id>/pause")
@requires(Permission.IMPORT, on=queries.import_for)
def pause(import_: Import) -> ResponseReturnValue:
    if actions.pause(import_):
        flash(_("It is paused. Rows in hand at this moment were still done."), "done")
    return redirect(url_for("imports.show", import_id=import_.id))


@blueprint.post("/<uuid:import_id>/resumption")
@requires(Permission.IMPORT, on=queries.import_for)
def resume(import_: Import) -> ResponseReturnValue:
    if actions.resume(import_, by=actors.signed_in()):
        flash(_("It goes on, in your name."), "done")
    return redirect(url_for("imports.show", import_id=import_.id))


@blueprint.get("/<uuid:import_id>/cancellation")
@requires(Permission.IMPORT, on=queries.import_for)
def cancellation(import_: Import) -> ResponseReturnValue:
    rules.check_open(import_, clock.now())
    return pages.render("imports/cancellation.html", import_=import_, counts=queries.count_of(import_))


@blueprint.post("/<uuid:import_id>/cancellation")
@requires(Permission.IMPORT, on=queries.import_for)
def cancel(import_: Import) -> ResponseReturnValue:
    if actions.cancel(import_, by=actors.signed_in()):
        flash(_("It is cancelled. What was done before stays as it is."), "done")
    return redirect(url_for("imports.show", import_id=import_.id))


# --- the result ------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:import_id>/result.csv")
@requires(Permission.IMPORT, on=queries.import_for)
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

    def result(self, sort: str) -> str:
        if sort not in self:
            self[sort] = str(get_template_attribute("imports/words.html", "result_words")(sort)).strip()
        return self[sort]

    def reason(self, code: str, facts: Mapping[str, Any]) -> str:
        key = f"{code} {sorted(facts.items())}"
        if key not in self:
            self[key] = reason(code, facts)
        return self[key]


def _cells(import_: Import, row: ImportRow, names: list[str], said: _Said) -> list[str]:
    """A row of the result: what the file said, and what came of it."""
    code, facts = row.reason, row.facts
    if row.done_at is None and row.fault:
        code, facts = row.fault, (row.faults.get("all") or [{"facts": {}}])[0]["facts"]
    sort = row.result or ("left_out" if row.left_out_at is not None else "bad" if row.fault else "waiting")
    values = [str(row.values.get(name, "")) for name in names]
    words = said.reason(code, facts) if code else ""
    return [str(row.number), *values, said.result(sort), words, row.reference, _link(import_, row)]


def _link(import_: Import, row: ImportRow) -> str:
    """Where to see what came of a row."""
    if row.about_id is None:
        return ""
    if import_.kind == "invitations":
        path = f"/partner/invitations/{row.about_id}"
    else:
        path = f"/partner/customers/{row.customer_id}/agreement"
    return str(current_app.config["PUBLIC_URL"]) + path
