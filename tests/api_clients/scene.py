"""A partner with programs, and what programs send: what the tests of tokens and consent act in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.builders import Member, World
from tests.support.visitor import Visitor
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.api_clients import actions
from webapp.api_clients.models import ApiClient
from webapp.database import Model

REDIRECT = "https://erp.example/callback?from=countersign"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-1234"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE = "https://api.partnercenter.microsoft.com/.default"


class Program:
    """A client of the API that a test made, with its secret."""

    def __init__(self, scene: Scene, row: ApiClient, secret: str) -> None:
        self.scene, self.id, self.secret, self.person_id = scene, row.id, secret, row.person_id
        self.tenant = str(row.organization_id)

    def post(self, *, v1: bool = False, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        """Ask for a token; what is given takes the place of the usual (None: left out)."""
        sent: dict[str, Any] = {"client_id": str(self.id), "client_secret": self.secret} | form
        tenant = sent.pop("tenant", self.tenant)
        path = f"/{tenant}/oauth2/{'' if v1 else 'v2.0/'}token"
        return self.scene.app.test_client().post(
            path, data={name: value for name, value in sent.items() if value is not None}, headers=headers
        )

    def own(self) -> str:
        """A token that it gets by itself."""
        answer = self.post(grant_type="client_credentials", scope=SCOPE)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def exchange(self, code: str, **changes: Any) -> TestResponse:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return self.post(**(form | changes))

    def refresh(self, token: str, **changes: Any) -> TestResponse:
        return self.post(**({"grant_type": "refresh_token", "refresh_token": token} | changes))

    def asks(self, **changes: Any) -> str:
        """The address at which it asks for consent (None: left out)."""
        sent = {
            "client_id": str(self.id), "response_type": "code", "redirect_uri": REDIRECT, "state": "näher & weiter",
            "scope": SCOPE, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        } | changes  # fmt: skip
        tenant = sent.pop("tenant", self.tenant)
        return f"/{tenant}/oauth2/v2.0/authorize?" + urlencode({k: v for k, v in sent.items() if v is not None})

    def code_of(self, member: Member, **changes: Any) -> str:
        """A code that a person agreed to on the page."""
        address = self.asks(**changes)
        browser = self.scene.signed_in(member)
        browser.open(address)
        browser.send("/authorize", act="agree")
        return returned(browser.location)["code"]

    def consented(self, member: Member) -> dict[str, Any]:
        """The tokens of a consent."""
        answer = self.exchange(self.code_of(member))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


def returned(location: str) -> dict[str, str]:
    """What a browser brings back to a program."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


class Window:
    """A signed-in browser at a page of consent."""

    def __init__(self, scene: Scene, member: Member) -> None:
        self.scene, self.visitor = scene, scene.browser(member)
        self.location = ""

    def open(self, address: str) -> Visitor:
        self.visitor.open(address)
        return self.visitor

    def send(self, to: str, **buttons: str) -> TestResponse:
        """Press a button of the page's form, without following where it leads."""
        form = next(form for form in self.visitor.page.forms if urlsplit(form.action).path.endswith(to))
        parts = urlsplit(form.action)
        answer = self.visitor.client.post(
            f"{parts.path}?{parts.query}", base_url=self.visitor.origin, data=form.fields | buttons,
            headers={"Origin": self.visitor.origin, "Referer": self.visitor.origin + "/"},
        )  # fmt: skip
        self.location = answer.headers.get("Location", "")
        return answer


class Scene:
    """A partner with a person of every role, and another partner."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        self.app, self.world, self.clock_file = app, world, clock_file
        self.partner, self.rival = world.a_partner("Northwind Cloud"), world.a_partner("Proseware Services")

    def seconds_later(self, seconds: float) -> None:
        assert self.clock_file is not None
        self.clock_file.write_text(str(seconds))

    def actor(self, member: Member) -> Actor:
        with self.app.app_context(), database.unit_of_work():
            id_ = accounts.start_session(member.id, proof="password", network_address="", browser="Test").id
        with self.app.app_context():
            found = actors.load(id_)
        assert found is not None
        return found

    def act(self, verb: Callable[..., Any], program: Program, *more: Any, **named: Any) -> Any:
        """Do something with a program in the name of the partner's admin agent."""
        by = self.actor(self.partner["admin_agent"])
        with self.app.app_context(), database.unit_of_work():
            return verb(database.session().get_one(ApiClient, program.id), *more, by=by, **named)

    def program(
        self, *roles: str, by: Member | None = None, name: str = "ERP", redirect_uris: tuple[str, ...] = (REDIRECT,)
    ) -> Program:
        """A program that an admin agent made."""
        actor = self.actor(by or self.partner["admin_agent"])
        with self.app.app_context(), database.unit_of_work():
            row, secret = actions.create(
                by=actor, name=name, roles=roles or ("sales_agent", "read_only"), redirect_uris=redirect_uris
            )
            return Program(self, row, secret)

    def one(self, model: type[Any], id_: UUID) -> Any:
        with self.app.app_context():
            return database.session().get_one(model, id_)

    def rows(self, model: type[Model], *where: Any) -> list[Any]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(model).where(*where)))

    def browser(self, member: Member, language: str = "en") -> Visitor:
        """A browser that signed in."""
        visitor = Visitor(self.app, language=language)
        visitor.sign_in(member.address)
        return visitor

    def signed_in(self, member: Member) -> Window:
        return Window(self, member)

    def get(self, path: str, token: str) -> TestResponse:
        """Call the API with a token."""
        return self.app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})

    def status_with(self, token: str, path: str = "/v1/agreements") -> int:
        return self.get(path, token).status_code
