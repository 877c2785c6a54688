"""Routes of `imports`: many at once from a file."""

from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from tests.guards.routes import AGENTS, CUSTOMERS, Row, many, row
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


def _own(status: int, prepare: Any = _checked, **more: Any) -> Row:
    """What only the partner's agents may do with its import; its other people may know that it is there."""
    return row(status, to=AGENTS, helpdesk_agent=403, partner_member=403, otherwise=404, prepare=prepare, **more)


def _files(status: int, **more: Any) -> Row:
    """What every partner's agents may do before there is an import; customers have files of another kind."""
    exceptions: dict[str, Any] = dict.fromkeys(("stranger", *CUSTOMERS), 404) | {"rival": status, "delegate": status}
    return row(status, to=AGENTS, **exceptions, **more)


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        _upload(s, bad=0)


def _a_file(s: Story) -> dict[str, Any]:
    return {"file": (BytesIO(f"Customer\n{s.customer.name}\nNobody\n".encode()), "customers.csv")}


def _kind(s: Story) -> dict[str, Any]:
    return {"kind": "invitations"}


def _people(s: Story, *, bad: int = 1) -> UUID:
    """A file of the customer's people with a good row and so many bad ones."""
    person = {"given_name": "Ann", "family_name": "Lee"}
    lines = [(2, {**person, "email": f"{uuid4().hex}@{s.address_of('member').partition('@')[2]}"})]
    lines += [(3 + number, {**person, "email": f"nobody{number}"}) for number in range(bad)]
    with s.unit():
        by = s.actor("global_administrator")
        return actions.upload(
            by=by, kind="people", language="en", file_name="people.csv", sha256="0" * 64, lines=lines
        ).id


def _checked_people(s: Story) -> dict[str, Any]:
    return {"import_id": _people(s)}


def _started_people(s: Story) -> dict[str, Any]:
    found = _people(s)
    with s.unit():
        row_ = queries.by_id(found)
        assert row_ is not None
        actions.start(row_, by=s.actor("global_administrator"), sends=False)
    return {"import_id": found}


def _paused_people(s: Story) -> dict[str, Any]:
    found = _started_people(s)
    s.post("global_administrator", f"/users/import/{found['import_id']}/pause")
    return found


def _customers(status: int, prepare: Any = _checked_people, **more: Any) -> Row:
    """What the customer's global administrator does with its import, and who acts for the customer."""
    exceptions: dict[str, Any] = {"delegate": status, "member": 403, "otherwise": 404} | more
    return row(
        status, to=("global_administrator",), billing_administrator=403,
        delegated_admin_administrator=403, global_reader=403, prepare=prepare, **exceptions,
    )  # fmt: skip


def _a_file_of_people(s: Story) -> dict[str, Any]:
    address = f"ann@{s.address_of('member').partition('@')[2]}"
    return {"file": (BytesIO(f"First name,Last name,Email address\nAnn,Lee,{address}\n".encode()), "people.csv")}


def _of_people(s: Story) -> dict[str, Any]:
    return {"kind": "people"}


ROUTES = {
    "GET /partner/imports": row(200, to=AGENTS),
    "GET /partner/imports/new/<kind>": _files(200, prepare=_kind),
    "POST /partner/imports/new/<kind>": _files(302, prepare=_kind, form=_a_file),
    "GET /partner/imports/templates/<kind>-<language>.<suffix>": _files(
        200, prepare=lambda s: {"kind": "attestations", "language": "ja", "suffix": "csv"},
    ),
    "GET /partner/imports/<uuid:import_id>": _own(200),
    "POST /partner/imports/<uuid:import_id>/rows": _own(302, form=lambda s: {"r3-customer": s.customer.name}),
    "POST /partner/imports/<uuid:import_id>/omission": _own(302, form=lambda s: {"which": "faults"}),
    "GET /partner/imports/<uuid:import_id>/start": _own(200),
    "POST /partner/imports/<uuid:import_id>/start": _own(302, form=lambda s: {"sends": "no"}),
    "POST /partner/imports/<uuid:import_id>/pause": _own(302, _started),
    "POST /partner/imports/<uuid:import_id>/resumption": _own(302, _paused),
    "GET /partner/imports/<uuid:import_id>/cancellation": _own(200),
    "POST /partner/imports/<uuid:import_id>/cancellation": _own(302, _started),
    "GET /partner/imports/<uuid:import_id>/result.csv": _own(200, _started),
    "GET /users/import": _customers(200, None, otherwise=403),
    "GET /users/import/new/<kind>": _customers(200, _of_people, stranger=200),
    "POST /users/import/new/<kind>": _customers(302, _of_people, stranger=302, form=_a_file_of_people),
    "GET /users/import/templates/<kind>-<language>.<suffix>": _customers(
        200, lambda s: {"kind": "people", "language": "ja", "suffix": "xlsx"}, stranger=200
    ),
    "GET /users/import/<uuid:import_id>": _customers(200),
    "POST /users/import/<uuid:import_id>/rows": _customers(302, form=lambda s: {"r3-email": "ann.lee@publicmail.example"}),
    "POST /users/import/<uuid:import_id>/omission": _customers(302, form=lambda s: {"which": "faults"}),
    "GET /users/import/<uuid:import_id>/start": _customers(200),
    "POST /users/import/<uuid:import_id>/start": _customers(302),
    "POST /users/import/<uuid:import_id>/pause": _customers(302, _started_people),
    "POST /users/import/<uuid:import_id>/resumption": _customers(302, _paused_people),
    "GET /users/import/<uuid:import_id>/cancellation": _customers(200),
    "POST /users/import/<uuid:import_id>/cancellation": _customers(302, _started_people),
    "GET /users/import/<uuid:import_id>/result.csv": _customers(200, _started_people),
}  # fmt: skip


def _to_repair(s: Story, count: int) -> None:
    _upload(s, bad=count)


def _many_of_people(s: Story, count: int) -> None:
    for _ in range(count):
        _people(s, bad=0)


def _people_to_repair(s: Story, count: int) -> None:
    _people(s, bad=count)


LISTS = {
    "GET /partner/imports": many("admin_agent", _many),
    "GET /partner/imports/<uuid:import_id>": many(
        "admin_agent", _to_repair, prepare=lambda s: {"import_id": s.only(Import).id}
    ),
    "GET /users/import": many("global_administrator", _many_of_people),
    "GET /users/import/<uuid:import_id>": many(
        "global_administrator", _people_to_repair, prepare=lambda s: {"import_id": s.only(Import).id}
    ),
}
