"""Loading the demonstration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from flask import current_app

from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements import queries as agreement_queries
from webapp.agreements.rules import Signatory
from webapp.answers import actions as answers
from webapp.answers import queries as answer_queries
from webapp.api_clients import actions as api_clients
from webapp.api_clients import rules as client_rules
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.roles import BASIC
from webapp.demo import queries, rules
from webapp.imports import actions as imports
from webapp.imports import queries as import_queries
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.models import Invitation
from webapp.messages.actions import reader_of
from webapp.onboarding import actions as onboarding
from webapp.orders import actions as orders
from webapp.orders import queries as order_queries
from webapp.organizations import actions as organizations
from webapp.organizations import queries as organization_queries
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.product_keys import actions as product_keys
from webapp.product_keys.rules import grouped
from webapp.relationships import actions as relationships
from webapp.renewals import actions as renewals
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.team import actions as team

#: key: kind, name, country, language, zone, domain, city, and what only partners have
ORGANIZATIONS: dict[str, dict[str, object]] = {
    "northwind": {
        "kind": "partner", "name": "Northwind Cloud", "country": "JP", "language": "ja", "zone": "Asia/Tokyo",
        "domains": ("northwind.example",), "address_line": "丸の内 1-2-3", "city": "千代田区", "region": "東京都",
        "postal_code": "100-0005", "phone": "+81 3 5555 0101", "contact_address": "hello@northwind.example",
        "programme": "direct_bill", "partner_number": "4500101",
    },
    "fabrikam": {
        "kind": "partner", "name": "Fabrikam Distribution", "country": "US", "language": "en",
        "zone": "America/Los_Angeles", "domains": ("fabrikam.example",), "address_line": "400 Harbor Way",
        "city": "Seattle", "region": "WA", "postal_code": "98101", "phone": "+1 206 555 0102",
        "contact_address": "partners@fabrikam.example", "programme": "indirect_provider", "partner_number": "4500202",
    },
    "tailspin": {
        "kind": "partner", "name": "Tailspin Resellers", "country": "US", "language": "en", "zone": "America/Chicago",
        "domains": ("tailspin.example",), "address_line": "12 Prairie Street", "city": "Chicago", "region": "IL",
        "postal_code": "60601", "phone": "+1 312 555 0103", "contact_address": "sales@tailspin.example",
        "programme": "indirect_reseller", "partner_number": "4500303",
    },
    "contoso": {
        "kind": "customer", "name": "Contoso 株式会社", "country": "JP", "language": "ja", "zone": "Asia/Tokyo",
        "domains": ("contoso.example",), "address_line": "梅田 3-4-5", "city": "大阪市北区", "region": "大阪府",
        "postal_code": "530-0001", "phone": "+81 6 5555 0104",
    },
    "adventure": {
        "kind": "customer", "name": "Adventure Works", "country": "US", "language": "en", "zone": "America/New_York",
        "domains": ("adventure-works.example",), "address_line": "88 Summit Road", "city": "Burlington",
        "region": "VT", "postal_code": "05401", "phone": "+1 802 555 0105",
    },
    "wingtip": {
        "kind": "customer", "name": "Wingtip Toys", "country": "US", "language": "en", "zone": "America/Denver",
        "domains": ("wingtip.example",), "address_line": "7 Kite Lane", "city": "Boulder", "region": "CO",
        "postal_code": "80301", "phone": "+1 303 555 0106",
    },
    "litware": {
        "kind": "customer", "name": "Litware 合同会社", "country": "JP", "language": "ja", "zone": "Asia/Tokyo",
        "domains": ("litware.example",), "address_line": "栄 6-7-8", "city": "名古屋市中区", "region": "愛知県",
        "postal_code": "460-0008", "phone": "+81 52 555 0107",
    },
    "fourth_coffee": {
        "kind": "customer", "name": "Fourth Coffee", "country": "US", "language": "en", "zone": "America/Los_Angeles",
        "domains": ("fourthcoffee.example",), "address_line": "19 Roast Street", "city": "Portland", "region": "OR",
        "postal_code": "97205", "phone": "+1 503 555 0108",
    },
    "woodgrove": {
        "kind": "customer", "name": "Woodgrove Bank", "country": "US", "language": "en", "zone": "America/New_York",
        "domains": ("woodgrove.example",), "address_line": "5 Exchange Place", "city": "Boston", "region": "MA",
        "postal_code": "02109", "phone": "+1 617 555 0109",
    },
    "proseware": {
        "kind": "partner", "name": "Proseware Services", "country": "US", "language": "en", "zone": "America/Chicago",
        "domains": ("proseware.example",), "address_line": "230 Lake Drive", "city": "Milwaukee", "region": "WI",
        "postal_code": "53202", "phone": "+1 414 555 0110", "contact_address": "hello@proseware.example",
        "programme": "indirect_reseller", "partner_number": "4500404",
    },
}  # fmt: skip

#: organization: given name, family name, local part of the address, roles
PEOPLE: dict[str, tuple[tuple[str, str, str, tuple[str, ...]], ...]] = {
    "northwind": (
        ("美咲", "佐藤", "admin.agent", ("admin_agent",)),
        ("翔太", "鈴木", "sales.agent", ("sales_agent",)),
        ("由美", "高橋", "helpdesk", ("helpdesk_agent",)),
    ),
    "fabrikam": (("Dana", "Whitfield", "admin.agent", ("admin_agent",)),),
    "tailspin": (("Marcus", "Ortega", "admin.agent", ("admin_agent",)),),
    "contoso": (
        ("健一", "田中", "admin", ("global_administrator",)),
        ("彩", "伊藤", "user", ()),
    ),
    "adventure": (
        ("Priya", "Natarajan", "admin", ("global_administrator",)),
        ("Tom", "Bergstrom", "billing", ("billing_administrator",)),
    ),
    "wingtip": (("Ellen", "Park", "admin", ("global_administrator",)),),
    "litware": (("直樹", "渡辺", "admin", ("global_administrator",)),),
    "fourth_coffee": (
        ("Rosa", "Delgado", "admin", ("global_administrator",)),
        ("Ines", "Moreau", "ines", ()),
        ("Liam", "Okafor", "liam", ()),
    ),
    "woodgrove": (("Howard", "Finch", "admin", ("global_administrator",)),),
    "proseware": (("Anita", "Varga", "admin.agent", ("admin_agent",)),),
}


#: Days before today on which the stories happen, in the order in which they happen.
BEGINNING, OLD_CUSTOMER, TAILSPINS_CUSTOMER, NORTHWINDS_CUSTOMER, APPROVED, NEW_CUSTOMERS, ATTESTED, OBJECTED, OFFERED = (
    45, 40, 31, 24, 20, 9, 6, 5, 3
)  # fmt: skip
ASKED, LATELY = 2, 1
#: On this day the partner of record of what ends soon was told.
TOLD = 22

#: What can be ordered: code, English and Japanese name, kind, months, by the seat.
PRODUCTS = (
    ("M365-BB-12", "Microsoft 365 Business Basic", "Microsoft 365 Business Basic", "software_subscription", 12, True),
    (
        "M365-BS-12",
        "Microsoft 365 Business Standard",
        "Microsoft 365 Business Standard",
        "software_subscription",
        12,
        True,
    ),
    ("M365-E3-12", "Microsoft 365 E3", "Microsoft 365 E3", "software_subscription", 12, True),
    ("VISIO-P2-1", "Visio Plan 2, monthly", "Visio プラン 2 (月単位)", "software_subscription", 1, True),
    ("WINSRV-STD", "Windows Server Standard, five years", "Windows Server Standard (5 年)", "software", 60, True),
    ("AZURE-RI-36", "Azure Reserved Instance, 3 years", "Azure 予約インスタンス (3 年)", "reserved_instance", 36, True),
    ("AZURE-PLAN", "Azure plan", "Azure プラン", "azure_plan", 12, False),
)

#: What was bought: customer, product, kind, seats, days from today of the first and the last day, through whom.
SUBSCRIPTIONS = (
    ("adventure", "Microsoft 365 Business Standard", "software_subscription", 40, -24, 340, "northwind", None),
    ("adventure", "Azure Reserved Instance", "reserved_instance", 2, -20, 710, "northwind", None),
    ("adventure", "Microsoft 365 E3", "software_subscription", 25, -30, 12, "fabrikam", "tailspin"),
    ("adventure", "Visio Plan 2", "software_subscription", 5, -31, -4, "fabrikam", "tailspin"),
    ("wingtip", "Microsoft 365 Business Basic", "software_subscription", 15, -8, 356, "northwind", None),
    ("fourth_coffee", "Microsoft 365 Business Standard", "software_subscription", 12, -39, 325, "northwind", None),
    ("fourth_coffee", "Microsoft 365 Business Basic", "software_subscription", 10, -359, 5, "northwind", None),
    ("fourth_coffee", "Microsoft 365 E3", "software_subscription", 5, -340, 24, "northwind", None),
    ("fourth_coffee", "Visio Plan 2", "software_subscription", 3, -400, -12, "northwind", None),
    ("fourth_coffee", "Project Plan 3", "software_subscription", 2, -424, -60, "northwind", None),
    ("fourth_coffee", "Planner Plan 1", "software_subscription", 4, -565, -200, "northwind", None),
)

#: Keys to try: product, how many, seats, months, days from today until which they are good, whether a partner bills.
KEYS = (
    ("M365-BB-12", 3, 10, 12, 365, True),
    ("M365-E3-12", 2, 25, 12, 365, False),
    ("M365-BS-12", 1, 5, 12, -10, False),
)

#: The day on which Fourth Coffee agreed: before the day from which agreements count without being renewed.
LONG_AGO = date(2023, 1, 16)

#: A file of attestations that Northwind uploaded: the second row was repaired, the third still has to be.
ROWS: tuple[dict[str, str], ...] = (
    {"customer": "wingtip.example", "given_name": "Ellen", "family_name": "Park", "email": "admin@wingtip.example"},
    {"customer": "litware.example", "given_name": "直樹", "family_name": "渡辺", "email": "admin@litware"},
    {
        "customer": "margiestravel.example",
        "given_name": "Margie",
        "family_name": "Shoop",
        "email": "margie@margiestravel.example",
    },
)

#: Template ids of what Northwind offers beyond the least-privilege set.
USER_ADMINISTRATOR, EXCHANGE_ADMINISTRATOR, LICENSE_ADMINISTRATOR, BILLING_ADMINISTRATOR, HELPDESK_ADMINISTRATOR = (
    "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",
)
RUNNING_THE_OFFICE = (
    USER_ADMINISTRATOR,
    LICENSE_ADMINISTRATOR,
    BILLING_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR,
    EXCHANGE_ADMINISTRATOR,
)


def load() -> None:
    """Load everything, one transaction an act. Raises NotADemonstration, DatabaseNotEmpty."""
    rules.check_may_load(current_app.config["DEMO"], queries.count_organizations())
    with _days_ago(BEGINNING):
        made = _partners()
        _issued(made)
        _programmed(made)
    with _days_ago(TAILSPINS_CUSTOMER):
        made |= _organizations("adventure", "contoso")
        _accepted(made, "tailspin", "admin_agent", "adventure", "billing_administrator", "Finance manager", "fabrikam")
    with _days_ago(NORTHWINDS_CUSTOMER):
        _accepted(made, "northwind", "sales_agent", "adventure", "global_administrator", "Head of IT")
    with _days_ago(APPROVED):
        offer_id = _offered(made, "adventure", "Help desk, first weeks", BASIC, 45)
        _approved(made, "adventure", offer_id)
    with _days_ago(OLD_CUSTOMER):
        made |= _created("fourth_coffee", by=made["northwind"])
        _attested(made, "fourth_coffee", LONG_AGO)
        _bought(made, "fourth_coffee", days_ago=OLD_CUSTOMER)
    with _days_ago(TOLD):
        _told(made)
    with _days_ago(NEW_CUSTOMERS):
        made |= _created("wingtip", "litware", "woodgrove", by=made["northwind"])
    _bought(made, "adventure", "wingtip")
    _licensed(made)
    with _days_ago(ATTESTED):
        offer_id = _offered(made, "fourth_coffee", "Running the office", RUNNING_THE_OFFICE, 365)
        _approved(made, "fourth_coffee", offer_id)
        _attested(made, "woodgrove", clock.today("America/New_York"))
    with _days_ago(OBJECTED):
        _objected(made, "woodgrove", "Mr. Finch has not signed anything. Please call us.")
    with _days_ago(OFFERED):
        roles = (*BASIC, USER_ADMINISTRATOR, EXCHANGE_ADMINISTRATOR)
        _offered(made, "adventure", "Everyday administration", roles, 365, auto_extends=True)
    with _days_ago(ASKED):
        _invited(made, "northwind", "admin_agent", "contoso", offer=("ヘルプデスクの支援", BASIC, 365))
        _ordered(made, "adventure", "VISIO-P2-1", 5)
    with _days_ago(LATELY):
        _begun(made)
        _uploaded(made)
        made |= _organizations("proseware")
        with _acting(made["proseware"], "admin_agent") as actor, database.unit_of_work():
            team.ask(_organization(made["fabrikam"]), by=actor)


@contextmanager
def _days_ago(days: int) -> Iterator[None]:
    """Let the clock stand so many days before today: a demonstration without a past shows little."""
    with TemporaryDirectory() as directory:
        offset = Path(directory) / "offset"
        offset.write_text(str(-days * 86_400))
        clock.read_offset_from(offset)
        try:
            yield
        finally:
            clock.read_offset_from(current_app.config["COUNTERSIGN"].clock_offset_file)


def _partners() -> dict[str, UUID]:
    with database.unit_of_work():
        agreements.publish_samples(policies.value("countries.served"))
    made = _organizations("northwind", "fabrikam", "tailspin")
    with database.unit_of_work():
        organizations.confirm_domain("northwind.example")
    with database.unit_of_work():
        organizations.enroll(_organization(made["northwind"]))
    with database.unit_of_work():
        organizations.pair(_organization(made["fabrikam"]), _organization(made["tailspin"]))
    for code, name_en, name_ja, kind, months, per_seat in PRODUCTS:
        with database.unit_of_work():
            subscriptions.add_product(
                code, name_en=name_en, name_ja=name_ja, kind=kind, term_months=months, per_seat=per_seat, seats_min=1,
                seats_max=300,
            )  # fmt: skip
    return made


def _organizations(*keys: str, created_by: Organization | None = None) -> dict[str, UUID]:
    password_hash = accounts.hash_password(queries.PASSWORD)
    made: dict[str, UUID] = {}
    for key in keys:
        facts = ORGANIZATIONS[key]
        with database.unit_of_work():
            row = organizations.create_organization(**facts, created_by=created_by)  # type: ignore[arg-type]
            made[key] = row.id
            domain = facts["domains"][0]  # type: ignore[index]
            for given_name, family_name, local, roles in PEOPLE[key]:
                organizations.add_member(
                    row, given_name=given_name, family_name=family_name, address=f"{local}@{domain}",
                    roles=roles, password_hash=password_hash, confirmed=True,
                )  # fmt: skip
    return made


def _organization(organization_id: UUID) -> Organization:
    found = organization_queries.organization_by_id(organization_id)
    assert found is not None
    return found


def _invitation(invitation_id: UUID) -> Invitation:
    found = invitation_queries.by_id(invitation_id)
    assert found is not None
    return found


@contextmanager
def _acting(organization_id: UUID, role: str) -> Iterator[Actor]:
    """Act as the person with a role, in a session that ends afterwards; in that person's language and zone."""
    person = organization_queries.people_with(organization_id, role)[0]
    with database.unit_of_work():
        session_id = accounts.start_session(
            person.id, proof="password", network_address="127.0.0.1", browser="Demonstration"
        ).id
    actor = actors.load(session_id)
    assert actor is not None
    with reader_of(actor.language, actor.zone):
        yield actor
    with database.unit_of_work():
        accounts.end_session(session_id)


def _invited(
    made: dict[str, UUID], partner: str, role: str, customer: str, provider: str | None = None,
    offer: tuple[str, Sequence[str], int] | None = None,
) -> str:  # fmt: skip
    """A partner makes an invitation for the relationship and the agreement, and sends it from here; its reference.

    `offer`: delegated administration that it carries: name, roles, days.
    """
    asked, other = _organization(made[customer]), _organization(made[provider]) if provider else None
    recipient = organization_queries.people_with(asked.id, "global_administrator")[0].address
    with _acting(made[partner], role) as actor:
        with database.unit_of_work():
            carried = None
            if offer is not None:
                name, roles, days = offer
                carried = delegated_admin.offer(
                    asked, by=actor, name=name, roles=roles, duration_days=days, auto_extends=False
                )
            invitation = invitations.make(
                by=actor, asks="relationship", customer=asked, other=other, offer=carried,
                language=asked.language, last_day=clock.today(asked.zone) + timedelta(days=30), recipient=recipient,
            )  # fmt: skip
            ref, invitation_id = invitation.ref, invitation.id
        with database.unit_of_work():
            invitations.send(_invitation(invitation_id), by=actor)
    return ref


def _accepted(
    made: dict[str, UUID], partner: str, partner_role: str, customer: str, role: str, title: str,
    provider: str | None = None,
) -> None:  # fmt: skip
    """A partner invites, and the customer's person with a role opens and accepts."""
    ref = _invited(made, partner, partner_role, customer, provider)
    with _acting(made[customer], role) as actor:
        asked = answer_queries.asked_of(actor, ref)
        assert asked is not None
        with database.unit_of_work():
            answers.open_invitation(asked, actor)
        offer = answer_queries.offer_to(actor.organization_id, asked)
        with database.unit_of_work():
            answers.accept_invitation(
                asked, by=actor, fingerprint=offer.fingerprint, parts=offer.parts,
                signature=answers.Signature(title, "", "127.0.0.1", "Demonstration"),
            )  # fmt: skip


def _offered(
    made: dict[str, UUID], customer: str, name: str, roles: Sequence[str], days: int, *, auto_extends: bool = False
) -> UUID:
    """Northwind offers delegated administration, and sends the message from here; the offer's id."""
    asked = _organization(made[customer])
    recipient = organization_queries.people_with(asked.id, "global_administrator")[0].address
    with _acting(made["northwind"], "admin_agent") as actor:
        with database.unit_of_work():
            offer = delegated_admin.offer(
                asked, by=actor, name=name, roles=roles, duration_days=days, auto_extends=auto_extends
            )
            invitation = invitations.make(
                by=actor, asks="administration", customer=asked, other=None, language=asked.language, last_day=None,
                recipient=recipient, offer=offer,
            )  # fmt: skip
            offer_id, invitation_id = offer.id, invitation.id
        with database.unit_of_work():
            invitations.send(_invitation(invitation_id), by=actor)
    return offer_id


def _approved(made: dict[str, UUID], customer: str, offer_id: UUID) -> None:
    """The customer's global administrator approves an offer."""
    with _acting(made[customer], "global_administrator") as actor:
        offer = delegated_queries.by_id(offer_id)
        assert offer is not None
        shown = delegated_queries.shown_to(offer).fingerprint
        with database.unit_of_work():
            delegated_admin.approve(
                offer, by=actor, fingerprint=shown, network_address="127.0.0.1", browser="Demonstration"
            )


def _created(*keys: str, by: UUID) -> dict[str, UUID]:
    """Customers that a partner made: each has a relationship with it from the beginning."""
    made = _organizations(*keys, created_by=_organization(by))
    for key in keys:
        with database.unit_of_work():
            relationships.begin(
                _organization(made[key]), partner_id=by, reseller_id=None, origin="creation", by=None, source="operator"
            )
    return made


def _bought(made: dict[str, UUID], *customers: str, days_ago: int = 0) -> None:
    """Subscriptions in several stages; `days_ago`: where the clock stands, their days count from the real one."""
    catalogue = {product.name_en: product.id for product in subscription_queries.products()}
    for customer, product, kind, seats, first, last, partner, reseller in SUBSCRIPTIONS:
        if customer not in customers:
            continue
        buyer = _organization(made[customer])
        today = clock.today(buyer.zone) + timedelta(days=days_ago)
        with database.unit_of_work():
            subscriptions.add(
                buyer, _organization(made[partner]), reseller=_organization(made[reseller]) if reseller else None,
                product=product, kind=kind, seats=seats, starts_on=today + timedelta(days=first),
                ends_on=today + timedelta(days=last), product_id=catalogue.get(product),
            )  # fmt: skip


def _told(made: dict[str, UUID]) -> None:
    """The partner of record was told what ends."""
    for standing in subscription_queries.of_customer(made["fourth_coffee"]):
        with database.unit_of_work():
            renewals.tell(standing.line_id)


def _licensed(made: dict[str, UUID]) -> None:
    """Fourth Coffee's people have licences."""
    customer = _organization(made["fourth_coffee"])
    standing = next(
        each for each in subscription_queries.of_customer(customer.id) if each.product.endswith("Business Standard")
    )
    with _acting(customer.id, "global_administrator") as actor:
        for person in organization_queries.people_of(customer.id):
            with database.unit_of_work():
                subscriptions.give_licence(standing, person, by=actor)


def _issued(made: dict[str, UUID]) -> None:
    """Product keys to try, written to a file beside the database; one of them is expired by now."""
    keys: list[str] = []
    now = clock.today("UTC") + timedelta(days=BEGINNING)
    for code, count, seats, months, days, billed in KEYS:
        product = subscription_queries.product_by_code(code)
        assert product is not None
        with database.unit_of_work():
            issued = product_keys.issue(
                product, count=count, seats=seats, months=months, expires_on=now + timedelta(days=days),
                partner=_organization(made["northwind"]) if billed else None,
            )  # fmt: skip
        note = f"{product.name_en}, {seats} seats, {months} months" + (", expired" if days < 0 else "")
        keys += [f"{grouped(key)}  {note}" for key in issued.keys]
    _keep(queries.keys_file(), keys)


def _programmed(made: dict[str, UUID]) -> None:
    """A program of Northwind's with every role, so that the API can be tried; id and secret are written to a file."""
    with _acting(made["northwind"], "admin_agent") as actor, database.unit_of_work():
        client, secret = api_clients.create(
            by=actor, name="ERP", roles=client_rules.ROLES, redirect_uris=("http://localhost:8400/callback",),
            secret=queries.OF_PROGRAM,
        )  # fmt: skip
        words = [f"TENANT_ID={client.organization_id}", f"CLIENT_ID={client.id}", f"CLIENT_SECRET={secret}"]
    _keep(queries.client_file(), words)


def _keep(path: Path, lines: list[str]) -> None:
    """Write a file beside the database that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "ascii")
    path.chmod(0o600)


def _attested(made: dict[str, UUID], customer: str, agreed_on: date) -> None:
    """Northwind attests that its customer's administrator agreed on a day."""
    row = _organization(made[customer])
    person = organization_queries.people_with(row.id, "global_administrator")[0]
    signatory = Signatory(person.given_name, person.family_name, person.address, row.phone)
    with _acting(made["northwind"], "sales_agent") as actor, database.unit_of_work():
        agreements.attest(row, by=actor, signatory=signatory, agreed_on=agreed_on)


def _objected(made: dict[str, UUID], customer: str, comment: str) -> None:
    """The customer's administrator says that this is not so."""
    newest = agreement_queries.attestations_of(made[customer])[0].row
    with _acting(made[customer], "global_administrator") as actor, database.unit_of_work():
        agreements.object_signed_in(newest, by=actor, comment=comment)


def _ordered(made: dict[str, UUID], customer: str, code: str, seats: int) -> None:
    """Northwind orders for a customer that agreed."""
    product = subscription_queries.product_by_code(code)
    assert product is not None
    seller = order_queries.sellers_of(made[customer], made["northwind"])[0]
    with _acting(made["northwind"], "sales_agent") as actor, database.unit_of_work():
        orders.place(
            _organization(made[customer]), by=actor, key=uuid4(), seller=seller, product=product, seats=seats,
            auto_renews=True,
        )  # fmt: skip


def _begun(made: dict[str, UUID]) -> None:
    """Northwind begins to enter a customer, and closes the browser."""
    with _acting(made["northwind"], "sales_agent") as actor:
        with database.unit_of_work():
            draft = onboarding.begin(by=actor)
        with database.unit_of_work():
            onboarding.keep(
                draft, {"name": "Tailwind Traders", "country": "US", "language": "en", "other": ""}, step="address"
            )


def _uploaded(made: dict[str, UUID]) -> None:
    """Northwind uploads a file of attestations, and repairs one of its rows."""
    day = (clock.today("UTC") - timedelta(days=1)).isoformat()  # past in every customer's zone
    lines = [(number, {**values, "phone": "", "agreed_on": day}) for number, values in enumerate(ROWS, start=2)]
    with _acting(made["northwind"], "sales_agent") as actor:
        with database.unit_of_work():
            row = imports.upload(
                by=actor, kind="attestations", language=actor.language, file_name="attestations.csv",
                sha256=hashlib.sha256(repr(lines).encode()).hexdigest(), lines=lines,
            )  # fmt: skip
            import_id = row.id
        with database.unit_of_work():
            uploaded = import_queries.by_id(import_id)
            assert uploaded is not None
            imports.repair_rows(uploaded, {3: {**lines[1][1], "email": "admin@litware.example"}}, by=actor)
