"""Routes of `relationships` at the partner."""

from typing import Any

from tests.guards.routes import PARTNER_READERS, PARTNERS, Row, row
from tests.support.story import Story


def _by_agent(status: int, **more: Any) -> Row:
    """What only an admin agent does; others of the partner are told so."""
    refused: Any = {each: 403 for each in PARTNERS if each != "admin_agent"}
    return row(status, to=("admin_agent",), otherwise=404, **refused, **more)


def _asked(s: Story) -> dict[str, Any]:
    return s.ask_to_end()


def _answer(to: str, **typed: Any) -> Any:
    """The form that the agent's page shows for the request that waits."""
    return lambda s, p: s.fields(
        "admin_agent", f"/partner/customers/relationships/{p['relationship_id']}", to=to, **typed
    )


ROUTES = {
    "GET /partner/customers/relationships/<uuid:relationship_id>": row(
        200, to=PARTNER_READERS, partner_member=403, otherwise=404, prepare=_asked
    ),
    "POST /partner/customers/relationships/<uuid:relationship_id>/agreement": _by_agent(
        302, prepare=_asked, form=_answer("/agreement")
    ),
    "POST /partner/customers/relationships/<uuid:relationship_id>/refusal": _by_agent(
        302, prepare=_asked, form=_answer("/refusal", reason="The term is not over.")
    ),
    "GET /partner/customers/relationships/<uuid:relationship_id>/end": _by_agent(200, prepare=lambda s: s.related()),
    "POST /partner/customers/relationships/<uuid:relationship_id>/end": _by_agent(302, prepare=lambda s: s.related()),
}
