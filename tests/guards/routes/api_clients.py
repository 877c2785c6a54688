"""Routes of `api_clients`: a partner's programs, their tokens, and consent to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.api_clients.scene import CHALLENGE, REDIRECT
from tests.guards.routes import AGENTS, EVERYBODY, PARTNER_READERS, SIGNED_IN, Row, many, row
from tests.support.story import Story
from webapp import database
from webapp.api_clients import actions, queries


def _leads(status: int, **more: Any) -> Row:
    return row(
        status, to=("admin_agent",), otherwise=404, sales_agent=403, helpdesk_agent=403, partner_member=403, **more
    )


def _made(s: Story, name: str = "ERP") -> tuple[UUID, str]:
    with s.unit():
        made, secret = actions.create(
            by=s.actor("admin_agent"), name=name, roles=("sales_agent", "read_only"), redirect_uris=(REDIRECT,)
        )
        return made.id, secret


def _client(s: Story) -> dict[str, Any]:
    return {"client_id": _made(s)[0]}


def _secret(s: Story) -> dict[str, Any]:
    client_id, _text = _made(s)
    with s.app.app_context():
        (secret,) = queries.open_secrets([client_id])[client_id]
        return {"client_id": client_id, "secret_id": secret.id}


def _credentials(s: Story) -> dict[str, Any]:
    client_id, secret = _made(s)
    s.secrets["program"] = f"{client_id} {secret}"
    return {"tenant": s.partner.id}


def _token_form(s: Story) -> dict[str, Any]:
    client_id, secret = s.secrets["program"].split()
    return {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}


def _asking(s: Story) -> dict[str, Any]:
    client_id, _text = _made(s)
    return {
        "tenant": s.partner.id, "client_id": client_id, "redirect_uri": REDIRECT, "response_type": "code", "state": "s1",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "https://api.partnercenter.microsoft.com/.default",
    }  # fmt: skip


def _consented(s: Story, name: str = "ERP") -> dict[str, Any]:
    """A program that the sales agent lets act in its name."""
    client_id, _text = _made(s, name)
    with s.unit():
        client = queries.client_by_id(client_id)
        assert client is not None
        database.write()
        actions.give_token(client, person_id=s.actor("sales_agent").person_id, roles=("read_only",))
    return {"client_id": client_id}


def _program(**more: Any) -> dict[str, Any]:
    return {"roles": ["read_only"], "redirect_uris": "https://erp.example/back\nhttp://localhost:8400/"} | more


ROUTES = {
    "GET /partner/api-clients": _leads(200),
    "GET /partner/api-clients/new": _leads(200),
    "POST /partner/api-clients": _leads(200, form=lambda s: _program(name="Shop")),
    "GET /partner/api-clients/<uuid:client_id>": _leads(200, prepare=_client),
    "GET /partner/api-clients/<uuid:client_id>/roles": _leads(200, prepare=_client),
    "POST /partner/api-clients/<uuid:client_id>/roles": _leads(302, prepare=_client, form=lambda s: _program()),
    "POST /partner/api-clients/<uuid:client_id>/secrets": _leads(200, prepare=_client),
    "GET /partner/api-clients/<uuid:client_id>/secrets/<uuid:secret_id>/revocation": _leads(200, prepare=_secret),
    "POST /partner/api-clients/<uuid:client_id>/secrets/<uuid:secret_id>/revocation": _leads(302, prepare=_secret),
    "GET /partner/api-clients/<uuid:client_id>/revocation": _leads(200, prepare=_client),
    "POST /partner/api-clients/<uuid:client_id>/revocation": _leads(302, prepare=_client),
    "GET /account/programs": row(200, to=SIGNED_IN),
    "POST /account/programs/<uuid:client_id>/withdrawal": row(
        302, to=("sales_agent",), otherwise=404, prepare=_consented
    ),
    # A program proves itself by its secret: whose cookie came along does not matter.
    "POST /<tenant>/oauth2/v2.0/token": row(200, to=EVERYBODY, prepare=_credentials, form=_token_form),
    "POST /<tenant>/oauth2/token": row(200, to=EVERYBODY, prepare=_credentials, form=_token_form),
    # A member without a role has nothing to give; everybody else belongs to another organization. A helpdesk agent is shown
    # fewer roles than this form names, and agrees to nothing.
    "GET /<tenant>/oauth2/v2.0/authorize": row(200, to=PARTNER_READERS, prepare=_asking),
    "POST /<tenant>/oauth2/v2.0/authorize": row(
        303,
        to=AGENTS,
        prepare=_asking,
        helpdesk_agent=409,
        form=lambda s: {"act": "agree", "shown": "sales_agent read_only"},
    ),
}


def _programs(s: Story, count: int) -> None:
    for number in range(count):
        _made(s, f"Program {number}")


def _let_act(s: Story, count: int) -> None:
    for number in range(count):
        _consented(s, f"Program {number}")


LISTS = {
    "GET /partner/api-clients": many("admin_agent", _programs),
    "GET /account/programs": many("sales_agent", _let_act),
}
