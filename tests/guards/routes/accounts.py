"""Routes of `accounts`."""

from typing import Any

from tests.guards.routes import EVERYBODY, SIGNED_IN, row
from tests.support.builders import PASSWORD
from tests.support.story import Story
from webapp.accounts import actions
from webapp.accounts.rules import CONFIRM, FIRST, RESET

NEW = "a long and unusual password"


def _link(purpose: str) -> Any:
    return lambda s: {"secret": s.secret_link(purpose, "global_administrator")}


def _address(s: Story) -> dict[str, Any]:
    return {"address": s.address_of("global_administrator")}


def _new_password(s: Story) -> dict[str, Any]:
    return {**_address(s), "password": NEW, "password_again": NEW}


def _another_session(s: Story) -> dict[str, Any]:
    with s.unit():
        person = s.customer["global_administrator"].id
        return {"session_id": actions.start_session(person, proof="password", network_address="", browser="").id}


ROUTES = {
    "GET /sign-in": row(200, to=EVERYBODY),
    "POST /sign-in": row(302, to=EVERYBODY, form=lambda s: {**_address(s), "password": PASSWORD}),
    "POST /sign-out": row(302, to=SIGNED_IN),
    # Only a browser that typed a right temporary password sees a page here; tests/accounts tells that story.
    "GET /sign-in/code": row(302, to=EVERYBODY),
    "POST /sign-in/code": row(302, to=EVERYBODY, form=lambda s: {"code": "123456"}),
    "POST /sign-in/code/renewal": row(302, to=EVERYBODY),
    "GET /account/own-password": row(302, to=SIGNED_IN),
    "POST /account/own-password": row(
        302, to=SIGNED_IN, form=lambda s: {"new_password": NEW, "new_password_again": NEW}
    ),
    "GET /first-sign-in": row(200, to=EVERYBODY),
    "POST /first-sign-in": row(302, to=EVERYBODY, form=_address),
    "GET /first-sign-in/<secret>": row(200, to=EVERYBODY, prepare=_link(FIRST)),
    "POST /first-sign-in/<secret>": row(302, to=EVERYBODY, prepare=_link(FIRST), form=_new_password),
    "GET /password-reset": row(200, to=EVERYBODY),
    "POST /password-reset": row(302, to=EVERYBODY, form=_address),
    "GET /password-reset/<secret>": row(200, to=EVERYBODY, prepare=_link(RESET)),
    "POST /password-reset/<secret>": row(302, to=EVERYBODY, prepare=_link(RESET), form=_new_password),
    "GET /link-sent": row(200, to=EVERYBODY),
    "GET /mailbox-confirmation/<secret>": row(200, to=EVERYBODY, prepare=_link(CONFIRM)),
    "POST /mailbox-confirmation/<secret>": row(302, to=EVERYBODY, prepare=_link(CONFIRM), form=_address),
    "GET /account": row(200, to=SIGNED_IN),
    "GET /account/name": row(200, to=SIGNED_IN),
    "POST /account/name": row(302, to=SIGNED_IN, form=lambda s: {"given_name": "Ann", "family_name": "Lee"}),
    "GET /account/address": row(200, to=SIGNED_IN),
    "POST /account/address": row(
        302, to=SIGNED_IN, form=lambda s: {"address": "another@elsewhere.example", "current_password": PASSWORD}
    ),
    "GET /account/password": row(200, to=SIGNED_IN),
    "POST /account/password": row(
        302,
        to=SIGNED_IN,
        form=lambda s: {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW},
    ),
    "GET /account/zone": row(200, to=SIGNED_IN),
    "POST /account/zone": row(302, to=SIGNED_IN, form=lambda s: {"zone": "Asia/Tokyo"}),
    "POST /account/language": row(302, to=SIGNED_IN, form=lambda s: {"language": "ja"}),
    "POST /account/sessions/ending": row(302, to=SIGNED_IN),
    "POST /account/sessions/<uuid:session_id>/ending": row(
        302, to=("global_administrator",), otherwise=404, prepare=_another_session
    ),
}
