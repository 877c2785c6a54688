"""Routes of `imports`: many at once from a file."""

from io import BytesIO
from typing import Any
from uuid import UUID

from tests.guards.routes import AGENTS, Row, many, row
from tests.support.story import Story
from webapp.imports import actions, queries
from webapp.imports.models import Import

LIST = "/partner/imports"


def _upload(s: Story, *, bad: int = 1, kind: str = "invitations") -> UUID:
    """A file of the partner's with a good row and so many bad ones."""
    s.invite(s.partner, s.customer)
    lines = [(2, {"customer": s.customer.name})]
    lines += [(3 + number, {"customer": f"nobody{number}.example"}) for number in range(bad)]
    with s.unit():
        by = s.actor("admin_agent")
        return actions.upload(
            by=by, kind=kind, language="en", file_name="customers.csv", sha256="0" * 64, lines=lines
        ).id


def _checked(s: Story) -> dict[str, Any]:
    return {"import_id": _upload(s)}


def _started(s: Story) -> dict[str, Any]:
    found = _upload(s)
    with s.unit():
        row_ = queries.by_id(found)
        assert row_ is not None
        actions.start(row_, by=s.actor("admin_agent"), sends=False)
    return {"import_id": found}


def _paused(s: Story) -> dict[str, Any]:
    found = _started(s)
    s.post("admin_agent", f"{LIST}/{found['import_id']}/pause")
    return found


def _bad(s: Story) -> dict[str, Any]:
    return {"import_id": _upload(s), "number": 3}


def _own(status: int, prepare: Any = _checked, **more: Any) -> Row:
    """What only the partner's agents may do with its import; its other people may know that it is there."""
    return row(status, to=AGENTS, helpdesk_agent=403, partner_member=403, otherwise=404, prepare=prepare, **more)


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        _upload(s, bad=0)


def _a_file(s: Story) -> dict[str, Any]:
    return {"file": (BytesIO(f"Customer\n{s.customer.name}\nNobody\n".encode()), "customers.csv")}


def _kind(s: Story) -> dict[str, Any]:
    return {"kind": "invitations"}


ROUTES = {
    "GET /partner/imports": row(200, to=AGENTS),
    "GET /partner/imports/new/<kind>": row(200, to=AGENTS, rival=200, prepare=_kind),
    "POST /partner/imports/new/<kind>": row(302, to=AGENTS, rival=302, prepare=_kind, form=_a_file),
    "GET /partner/imports/templates/<kind>-<language>.<suffix>": row(
        200, to=AGENTS, rival=200,
        prepare=lambda s: {"kind": "attestations", "language": "ja", "suffix": "csv"},
    ),
    "GET /partner/imports/<uuid:import_id>": _own(200),
    "POST /partner/imports/<uuid:import_id>/rows/<int:number>": _own(302, _bad, form=lambda s: {"r3-customer": s.customer.name}),
    "POST /partner/imports/<uuid:import_id>/rows/<int:number>/omission": _own(302, _bad),
    "POST /partner/imports/<uuid:import_id>/omission": _own(302, form=lambda s: {"which": "faults"}),
    "GET /partner/imports/<uuid:import_id>/start": _own(200),
    "POST /partner/imports/<uuid:import_id>/start": _own(302, form=lambda s: {"sends": "no"}),
    "POST /partner/imports/<uuid:import_id>/pause": _own(302, _started),
    "POST /partner/imports/<uuid:import_id>/resumption": _own(302, _paused),
    "GET /partner/imports/<uuid:import_id>/cancellation": _own(200),
    "POST /partner/imports/<uuid:import_id>/cancellation": _own(302, _started),
    "GET /partner/imports/<uuid:import_id>/result.csv": _own(200, _started),
}  # fmt: skip


def _to_repair(s: Story, count: int) -> None:
    _upload(s, bad=count)


LISTS = {
    "GET /partner/imports": many("admin_agent", _many),
    "GET /partner/imports/<uuid:import_id>": many(
        "admin_agent", _to_repair, prepare=lambda s: {"import_id": s.only(Import).id}
    ),
}
