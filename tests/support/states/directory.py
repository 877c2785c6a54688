"""A customer's people in each state, many of them from a file, and the list of what is left to set up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.support.builders import Member, Party
from tests.support.delegation import Delegation
from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.directory import actions
from webapp.imports import actions as imports
from webapp.imports.models import Import
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue
from webapp.subscriptions.models import SubscriptionStanding

NAMES: dict[str, dict[str, Any]] = {
    "en": {
        "customer": "Trey Research", "small": "Margie's Travel",
        "people": (("Avery", "Howard"), ("Mika", "Sato"), ("Morgan", "Reed"), ("Kim", "Lee")),
        "products": ("Business Premium suite", "Mail and calendar"),
    },
    "ja": {
        "customer": "トレイ・リサーチ株式会社", "small": "マージーズ・トラベル株式会社",
        "people": (("彩", "佐藤"), ("美佳", "髙橋"), ("健", "長谷川"), ("葵", "森")),
        "products": ("ビジネス プレミアム スイート", "メールと予定表"),
    },
}  # fmt: skip


def _saves(clicks: Clicks) -> None:
    """Save the rows although they are wrong."""
    clicks.submit("/rows")


def _submits(to: str) -> Any:
    return lambda clicks: clicks.submit(to)


def _takes_role(clicks: Clicks) -> None:
    """Tick every role, and go on."""
    for box in clicks.page.locator("main [name=roles]").all():
        box.check()
    clicks.submit("/roles")


STATES = (
    State("people", "lead", "/users"),
    State("people-none-fit", "lead", "/users?search=zzz"),
    State("person-new", "lead", "/users/new"),
    State("person-new-error", "lead", "/users/new", _submits("/users")),
    State("person", "lead", "/users/{active_person}"),
    State("person-invited", "lead", "/users/{invited_person}"),
    State("person-blocked", "lead", "/users/{blocked_person}"),
    State("person-read", "people reader", "/users/{active_person}"),
    State("person-licences", "lead", "/users/{active_person}/licences"),
    State("person-licences-error", "lead", "/users/{invited_person}/licences", lambda clicks: _ticks_all(clicks)),
    State("person-licences-none", "lonely lead", "/users/{lonely_person}/licences"),
    State("person-roles", "lead", "/users/{active_person}/roles"),
    State("person-roles-last", "lead", "/users/{lead_person}/roles"),
    State("person-roles-check", "lead", "/users/{active_person}/roles", _takes_role),
    State("person-block", "lead", "/users/{active_person}/block"),
    State("person-block-last", "lead", "/users/{lead_person}/block"),
    State("person-block-again", "lead", "/users/{blocked_person}/block"),
    State("people-imports", "lead", "/users/import"),
    State("people-imports-empty", "lonely lead", "/users/import"),
    State("people-import-new", "lead", "/users/import/new/people"),
    State("people-import-checked", "lead", "/users/import/{checked_people}"),
    State("people-import-error", "lead", "/users/import/{checked_people}", _saves),
    State("people-import-start", "lead", "/users/import/{checked_people}/start"),
    State("people-import-discard", "lead", "/users/import/{checked_people}/cancellation"),
    State("people-import-finished", "lead", "/users/import/{finished_people}"),
    State("home-set-up", "lead", "/home"),
)


def _ticks_all(clicks: Clicks) -> None:
    """Ask for every licence, of which one has no seat left."""
    for box in clicks.page.locator("main [name=licences]").all():
        box.check()
    clicks.submit("/licences")


def fill(filling: Any) -> None:
    """A customer with people in each state, two subscriptions (one without a seat left), and two files."""
    words, made, app = NAMES[filling.language], filling.made, filling.app
    customer, small = filling._customer(words["customer"]), filling._customer(words["small"])
    lead = customer["global_administrator"]
    made.people |= {
        "lead": lead, "people reader": customer["global_reader"], "lonely lead": small["global_administrator"],
    }  # fmt: skip
    made.values |= {"lead_person": str(lead.id), "lonely_person": str(small[""].id)}
    _named(filling, customer[""], words["people"][0])
    by = Delegation(app).acting(customer)
    lines = [
        _line(filling, customer, name, seats, f"PEOPLE-{seats}")
        for name, seats in zip(words["products"], (25, 1), strict=True)
    ]
    domain = lead.address.partition("@")[2]
    for state, (given, family) in zip(("invited", "blocked"), words["people"][1:3], strict=True):
        with app.app_context(), database.unit_of_work():
            person = actions.add(
                by=by, given_name=given, family_name=family, address=f"{state}.person@{domain}",
                language=filling.language, lines=[_standing(lines[state == "blocked"])],
            ).person  # fmt: skip
            made.values[f"{state}_person"] = str(person.id)
    made.values["active_person"] = str(customer[""].id)
    with app.app_context(), database.unit_of_work():
        person = database.session().get_one(Person, customer[""].id)
        actions.set_licences(person, [lines[0]], by=by)
    with app.app_context(), database.unit_of_work():
        actions.block(database.session().get_one(Person, UUID(made.values["blocked_person"])), by=by)
    _files(filling, by, domain, words)


def _named(filling: Any, member: Member, name: tuple[str, str]) -> None:
    with filling.app.app_context(), database.unit_of_work():
        database.write()
        person = database.session().get_one(Person, member.id)
        person.given_name, person.family_name = name


def _line(filling: Any, customer: Party, name: str, seats: int, code: str) -> UUID:
    with filling.app.app_context():
        with database.unit_of_work():
            subscriptions.add_product(
                code, name_en=name, name_ja=name, kind="software_subscription", term_months=12, per_seat=True,
                seats_min=1, seats_max=300,
            )  # fmt: skip
        with database.unit_of_work():
            row = _organization(customer)
            database.write(chain=row.chain_id)
            product = catalogue.product_by_code(code)
            assert product is not None
            return subscriptions.begin_paid(
                row, None, product=product, name=name, seats=seats, ends_on=clock.today(row.zone) + timedelta(days=300),
                contract="product_key", by=None, source="job",
            ).line_id  # fmt: skip


def _files(filling: Any, by: Actor, domain: str, words: dict[str, Any]) -> None:
    """A file to repair and one that is done."""
    given, family = words["people"][3]
    good = {"given_name": given, "family_name": family, "email": f"fourth@{domain}", "licences": words["products"][0]}
    wrong = [
        {"given_name": "", "family_name": family, "email": "fourth", "language": "fr", "licences": "?"},
        {**good, "email": f"fifth@{domain}", "licences": words["products"][1] + ", XYZ"},
    ]
    full = {**good, "email": f"sixth@{domain}", "licences": words["products"][1]}
    for state, lines in (("checked", [good, full, *wrong]), ("finished", [good, full])):
        with filling.app.app_context(), database.unit_of_work():
            made = imports.upload(
                by=by, kind="people", language=filling.language, file_name="people.csv", sha256=uuid4().hex * 2,
                lines=[(number + 2, values) for number, values in enumerate(lines)],
            ).id  # fmt: skip
            filling.made.values[f"{state}_people"] = str(made)
    with filling.app.app_context(), database.unit_of_work():
        row = database.session().get_one(Import, UUID(filling.made.values["finished_people"]))
        imports.start(row, by=by, sends=False)
    with filling.app.app_context():
        run = uuid4()
        for taken in imports.claim(UUID(filling.made.values["finished_people"]), run):
            imports.do_row(taken, run)
        imports.finish(UUID(filling.made.values["finished_people"]))


def _standing(line_id: UUID) -> SubscriptionStanding:
    found = catalogue.standing_of(line_id)
    assert found is not None
    return found


def _organization(party: Party) -> Organization:
    found = organizations.organization_by_id(party.id)
    assert found is not None
    return found
