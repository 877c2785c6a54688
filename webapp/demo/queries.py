"""What the demonstration shows at its start."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from flask import current_app

from config import Config
from webapp import database
from webapp.accounts.models import Person
from webapp.organizations.models import Organization

PASSWORD = "countersign-demo"  # noqa: S105 - known on purpose: loopback only, sample people only
#: What Northwind's program signs in with, known on purpose like the password.
OF_PROGRAM = "css_countersign-demo-secret-of-northwinds-erp"

#: Where somebody begins who sees it for the first time.
HINTS = (
    "a customer asked   /mailbox: the message to admin@contoso.example is what a customer receives",
    "a partner          admin.agent@northwind.example, /partner/customers: Wingtip Toys needs your attestation,",
    "                   Fourth Coffee must renew, Woodgrove Bank objected, Litware was not asked",
    "a new customer     sales.agent@northwind.example, /partner/customers/new: a draft to go on with",
    "many at once       sales.agent@northwind.example, /partner/imports: a file with a row to repair",
    "buying refused     admin@wingtip.example, /orders/new: the partner has to attest first",
    "renewals           admin.agent@northwind.example, /partner/renewals: what ends at Fourth Coffee, and who was told",
    "administering      admin.agent@northwind.example, /partner/administered: Fourth Coffee gave five roles",
    "product keys       /redeem, signed out for a new organization, or as admin@adventure-works.example; the keys are below",
    "programs           admin.agent@northwind.example, /partner/api-clients; its id and secret are below",
    "another partner    admin.agent@fabrikam.example, /partner/inbox: Proseware Services asks to work together",
)


def keys_file() -> Path:
    """Where the demonstration's product keys lie: the database keeps only their hashes."""
    config: Config = current_app.config["COUNTERSIGN"]
    return config.instance / "demo-product-keys.txt"


def keys_to_try() -> list[str]:
    """The demonstration's product keys with what each is good for."""
    path = keys_file()
    return path.read_text("ascii").splitlines() if path.exists() else []


def client_file() -> Path:
    """Where id and secret of the demonstration's program lie, ready for a shell to read (`. demo-api-client.txt`)."""
    config: Config = current_app.config["COUNTERSIGN"]
    return config.instance / "demo-api-client.txt"


def client_to_try() -> list[str]:
    """What the demonstration's program signs in with."""
    path = client_file()
    return path.read_text("ascii").splitlines() if path.exists() else []


def count_organizations() -> int:
    """How many organizations there are."""
    return database.session().scalar(sa.select(sa.func.count()).select_from(Organization)) or 0


def people() -> list[tuple[str, str, list[str]]]:
    """Each organization with its kind and the addresses of its people."""
    rows = database.session().execute(
        sa.select(Organization.name, Organization.kind, Organization.programme, Person.address)
        .join(Person, Person.organization_id == Organization.id)
        .where(Person.is_client.is_(False))
        .order_by(Organization.kind.desc(), Organization.created_at, Person.created_at)
    )
    found: dict[str, tuple[str, list[str]]] = {}
    for row in rows:
        what = row.kind if row.programme is None else f"partner, {row.programme.replace('_', ' ')}"
        found.setdefault(row.name, (what, []))[1].append(row.address)
    return [(name, what, addresses) for name, (what, addresses) in found.items()]
