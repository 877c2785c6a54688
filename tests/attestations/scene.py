"""A partner, its customer and an agreement in force: what the tests of attesting begin with."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.builders import Party, World
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.agreements.models import Attestation
from webapp.database import Model
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships
from webapp.tasks.models import Task

PERSON = {
    "given_name": "Hanako", "family_name": "Suzuki", "email": "hanako@contoso.example", "phone": "+81 3 1234 5678"
}  # fmt: skip


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND")
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + b"\xff\xda\x00\x08\x01\x01\xff\xd9"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\nstartxref\n9\n%%EOF\n"
EML = (
    b"From: Hanako <hanako@contoso.example>\r\nTo: sales@northwind.example\r\nDate: Fri, 20 Nov 2026 10:00:00 +0900\r\n"
    b"Subject: We accept\r\n\r\nWe accept the agreement.\r\n"
)


@dataclass(frozen=True)
class Scene:
    """`partner` sells to `customer` directly; `reseller` and `provider` sell to `indirect`."""

    app: Flask
    world: World
    partner: Party
    customer: Party
    provider: Party
    reseller: Party
    indirect: Party

    def path(self, customer: Party | None = None, more: str = "") -> str:
        """An address about a customer's agreement."""
        return f"/partner/customers/{(customer or self.customer).id}/agreement{more}"

    def agent(self, party: Party | None = None, role: str = "sales_agent", language: str = "en") -> Visitor:
        """Somebody of a partner, signed in."""
        visitor = Visitor(self.app, language=language)
        visitor.sign_in((party or self.partner)[role].address)
        return visitor

    def row(self, party: Party) -> Organization:
        """An organization's row (inside an application context)."""
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    def today(self, customer: Party | None = None) -> date:
        """The customer's day."""
        with self.app.app_context():
            return clock.today(self.row(customer or self.customer).zone)

    def relate(self, customer: Party, partner: Party, reseller: Party | None = None) -> None:
        """Begin a reseller relationship."""
        with self.app.app_context(), database.unit_of_work():
            relationships.begin(
                self.row(customer), partner_id=partner.id, reseller_id=reseller.id if reseller else None,
                origin="creation", by=None,
            )  # fmt: skip

    def all(self, model: type[Model], **columns: Any) -> list[Any]:
        """Rows of a model with these values, oldest first where they have a moment."""
        with self.app.app_context():
            rows = database.session().scalars(sa.select(model).filter_by(**columns)).all()
            return sorted(rows, key=lambda each: each.at if hasattr(each, "at") else each.created_at)

    def attestations(self, customer: Party | None = None) -> list[Attestation]:
        return self.all(Attestation, customer_id=(customer or self.customer).id)

    def facts(self, kind: str) -> list[Fact]:
        return self.all(Fact, kind=kind)

    def mails(self, kind: str) -> list[Message]:
        return self.all(Message, kind=kind)

    def tasks(self, kind: str) -> list[Task]:
        return self.all(Task, kind=kind)


def a_scene(app: Flask, world: World) -> Scene:
    """Set the scene: agreements in force in the United States and Japan."""
    world.a_published_agreement("US", version="2022-10", effective_on=date(2022, 10, 1))
    world.a_published_agreement("US", version="2026-03")
    world.a_published_agreement("JP", version="2026-03")
    scene = Scene(
        app, world, partner=world.a_partner("Northwind Cloud"), customer=world.a_customer("Contoso Ltd."),
        provider=world.a_partner("Fabrikam Distribution", programme="indirect_provider"),
        reseller=world.a_partner("Tailspin Resellers", programme="indirect_reseller"),
        indirect=world.a_customer("Litware 合同会社", language="ja", country="JP", zone="Asia/Tokyo"),
    )  # fmt: skip
    world.pair(scene.provider, scene.reseller)
    scene.relate(scene.customer, scene.partner)
    scene.relate(scene.indirect, scene.provider, scene.reseller)
    return scene


def reviewed(visitor: Visitor, scene: Scene, customer: Party | None = None, **changes: Any) -> Page:
    """From the page of the agreement over the form to the review."""
    visitor.open(scene.path(customer))
    visitor.follow("Edit" if visitor.page.links.get("Edit") else "編集")
    day = scene.today(customer) - timedelta(days=3)
    return visitor.submit({**PERSON, "agreed_on": day.isoformat(), **changes}, to="/review")


def confirmed(visitor: Visitor, **changes: Any) -> Page:
    """From the review page: both boxes, and save."""
    return visitor.submit({"agreed": True, "told": True, **changes}, to="/confirmation")


def with_file(visitor: Visitor, content: bytes, name: str, **changes: Any) -> Page:
    """From the review page: both boxes and a file, as a browser sends them."""
    form = next(each for each in visitor.page.forms if each.action.endswith("/confirmation"))
    values: dict[str, Any] = {name: each[0] for name, each in form.fields.items()} | {"agreed": "y", "told": "y"}
    values |= {"proof": FileStorage(BytesIO(content), name, content_type="application/x-anything")} | changes
    boundary, body = encode_multipart({k: v for k, v in values.items() if v is not None})
    response = visitor.client.post(
        form.action.removeprefix(visitor.origin), data=body, base_url=visitor.origin,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Accept-Language": visitor.language, "Origin": visitor.origin, "Referer": visitor.origin + "/"},
    )  # fmt: skip
    if response.status_code == 302:
        return visitor.open(response.headers["Location"])
    visitor.page = Page(response, form.action)
    return visitor.page


def only(rows: list[Any]) -> Any:
    """The one row there is."""
    assert len(rows) == 1, rows
    return rows[0]
