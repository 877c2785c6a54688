"""Routes of `delegated_admin` on the customer's side: an offer and its answers, and what is in force."""

from typing import Any

from tests.guards.routes import CUSTOMERS, DECIDERS, Row, row
from tests.support.story import Story
from webapp.delegated_admin.roles import BASIC


def _waiting(s: Story) -> dict[str, Any]:
    return {"relationship_id": s.offers["waiting"]}


def _active(s: Story) -> dict[str, Any]:
    return {"relationship_id": s.approve(s.offers["waiting"])}


def _role(s: Story) -> dict[str, Any]:
    return {**_active(s), "role_id": BASIC[0]}


def _reads(prepare: Any) -> Row:
    """Everybody of the customer reads it, none who acts for it; nobody else learns that there is one."""
    return row(200, to=CUSTOMERS, otherwise=404, delegate=403, prepare=prepare)


def _decides(status: int, prepare: Any, **more: Any) -> Row:
    """Only who decides on delegated administration for the customer."""
    refused: Any = {each: 403 for each in CUSTOMERS if each not in DECIDERS}
    return row(status, to=DECIDERS, otherwise=404, prepare=prepare, **refused, **more)


def _approval(s: Story, parameters: dict[str, Any]) -> dict[str, Any]:
    address = f"/delegated-admin/{parameters['relationship_id']}/approval"
    return s.fields("global_administrator", address, to="/approval", approval=True)


_AT = "/delegated-admin/<uuid:relationship_id>"
ROUTES = {
    f"GET {_AT}": _reads(_waiting),
    f"GET {_AT}/approval": _decides(200, _waiting),
    f"POST {_AT}/approval": _decides(302, _waiting, form=_approval),
    f"GET {_AT}/fewer": _decides(200, _waiting),
    f"POST {_AT}/fewer": _decides(302, _waiting, form=lambda s: {"roles": [BASIC[0]], "comment": "These would do."}),
    f"GET {_AT}/decline": _decides(200, _waiting),
    f"POST {_AT}/decline": _decides(302, _waiting, form=lambda s: {"reason": "not_needed"}),
    f"POST {_AT}/hand-over": row(
        302, to=CUSTOMERS, otherwise=404, prepare=_waiting,
        form=lambda s: {"person": str(s.customer["delegated_admin_administrator"].id)},
        delegated_admin_administrator=422, delegate=403,
    ),
    f"POST {_AT}/auto-extension": _decides(302, _active, form=lambda s: {"on": "yes"}),
    f"GET {_AT}/roles/<role_id>/removal": _decides(200, _role),
    f"POST {_AT}/roles/<role_id>/removal": _decides(302, _role),
    f"GET {_AT}/removal": _decides(200, _active),
    f"POST {_AT}/removal": _decides(302, _active, form=lambda s: {"comment": "Thank you."}),
}  # fmt: skip
