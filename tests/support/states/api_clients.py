"""Programs at their partner, and consent to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from tests.api_clients.scene import CHALLENGE, SCOPE
from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import database
from webapp.accounts.actions import note_activity
from webapp.api_clients import actions, queries

NAMES = {"en": ("ERP", "Web shop", "Monthly report"), "ja": ("基幹システム", "オンラインショップ", "月次レポート")}
REDIRECT = "http://localhost:8400/callback"
_ASKS = (
    "/common/oauth2/v2.0/authorize?client_id={program}&redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fcallback"
    f"&response_type=code&state=s1&scope={SCOPE}&code_challenge={CHALLENGE}&code_challenge_method=S256"
)


def _adds(clicks: Clicks) -> None:
    clicks.page.fill("[name=name]", NAMES[clicks.language][1])
    clicks.page.check("[value=sales_agent]")
    clicks.page.fill("[name=redirect_uris]", f"https://shop.example/callback\n{REDIRECT}")
    clicks.submit("/api-clients")


def _adds_wrongly(clicks: Clicks) -> None:
    clicks.page.fill("[name=redirect_uris]", "https://shop.example/callback\nhttp://shop.example/callback")
    clicks.submit("/api-clients")


STATES = (
    State("programs", "partner", "/partner/api-clients"),
    State("programs-empty", "lonely", "/partner/api-clients"),
    State("programs-forbidden", "helpdesk", "/partner/api-clients", status=403),
    State("program-new", "partner", "/partner/api-clients/new"),
    State("program-new-error", "partner", "/partner/api-clients/new", _adds_wrongly),
    State("program-secret", "partner", "/partner/api-clients/new", _adds),
    State("program", "partner", "/partner/api-clients/{program}"),
    State("program-without-secret", "partner", "/partner/api-clients/{program_bare}"),
    State("program-revoked", "partner", "/partner/api-clients/{program_revoked}"),
    State("program-roles", "partner", "/partner/api-clients/{program}/roles"),
    State(
        "program-secret-revocation", "partner", "/partner/api-clients/{program}/secrets/{program_secret}/revocation"
    ),
    State("program-revocation", "partner", "/partner/api-clients/{program}/revocation"),
    State("program-revocation-over", "partner", "/partner/api-clients/{program_revoked}/revocation"),
    State("consent", "partner", _ASKS),
    State("consent-wrong-account", "accepted", _ASKS, status=403),
    State("consent-unknown", "partner", _ASKS.replace("{program}", "{program_revoked}"), status=400),
    State("consent-wrong-address", "partner", _ASKS.replace("8400", "8401"), status=400),
    State("account-of-partner", "partner", "/account"),
    State("consents", "partner", "/account/programs"),
    State("consents-empty", "lonely", "/account/programs"),
)  # fmt: skip


def fill(filling: Any) -> None:
    """A program with two secrets that called, one without any, and one that was revoked."""
    app, values, names = filling.app, filling.made.values, NAMES[filling.language]

    def make(name: str, *roles: str) -> UUID:
        with app.app_context(), database.unit_of_work():
            by = filling.world._acting(filling.partner["admin_agent"])
        with app.app_context(), database.unit_of_work():
            row, _secret = actions.create(by=by, name=name, roles=roles, redirect_uris=(REDIRECT,))
            return row.id

    def act(verb: Callable[..., Any], client_id: UUID, *more: Any) -> None:
        with app.app_context(), database.unit_of_work():
            by = filling.world._acting(filling.partner["admin_agent"])
        with app.app_context(), database.unit_of_work():
            verb(queries.client_by_id(client_id), *more, by=by)

    bare, ended = make(names[2], "read_only"), make(names[1], "sales_agent")
    first = make(names[0], "admin_agent", "read_only")
    act(actions.add_secret, first)
    with app.app_context():
        values["program_secret"] = str(queries.open_secrets([first])[first][0].id)
        (only,) = queries.open_secrets([bare])[bare]
    act(actions.revoke_secret, bare, only)
    act(actions.revoke, ended)
    values |= {"program": str(first), "program_bare": str(bare), "program_revoked": str(ended)}
    with app.app_context():
        note_activity(first)
    with app.app_context(), database.unit_of_work():
        agreed = queries.client_by_id(first)
        assert agreed is not None
        database.write()
        actions.give_token(agreed, person_id=filling.partner["admin_agent"].id, roles=("admin_agent", "read_only"))
