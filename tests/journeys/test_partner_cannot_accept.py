"""A partner can never accept for a customer, nor approve its own rights there, whatever it knows or clicks.

Every act on the way to an acceptance or an approval is tried with the very body that works for the customer's administrator; and a
partner that has read every page, form, file and mail it was ever shown tries all it knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from config import MailServer
from tests.guards.routes import table
from tests.guards.test_routes import address_of
from tests.onboarding.scene import CONTACT, create
from tests.support.builders import PASSWORD, Asked, Member, Party, World
from tests.support.engines import Engines, configuration, dispose
from tests.support.main_job import publish
from tests.support.sink import Sink
from tests.support.story import Story, tell
from tests.support.visitor import Visitor
from webapp import access, clock, create_app, database, tokens
from webapp import actor as actors
from webapp.access import Permission
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person, Session
from webapp.agreements.models import Acceptance, Attestation, Objection
from webapp.answers.models import AdmissionRequest
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin.models import DelegatedAct
from webapp.delegated_admin.roles import GLOBAL_ADMINISTRATOR
from webapp.evidence.models import Fact
from webapp.invitations import actions as invitations
from webapp.invitations.models import InvitationAct
from webapp.messages.actions import deliver_due
from webapp.messages.models import Message
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships.models import Relationship
from webapp.tokens import Token

#: What answers for a customer, or lets somebody in who then may.
ANSWERING = {Permission.ANSWER_INVITATIONS, Permission.ADMIT_PEOPLE, Permission.ANSWER_DELEGATED_ADMIN}
BLUEPRINTS = ("answers.", "acceptance.", "delegated_admin.")
#: What a partner does with its offer; every other act on it is the customer's.
OFFERING = ("requested", "announced")
NEW_PASSWORD = "a long and unusual password"
ANOTHER_CUSTOMER = "another customer, every role"
REQUEST_ID = UUID("11111111-2222-4333-8444-555555555555")  # of a request for admission


def answering_routes(app: Flask) -> dict[str, str]:
    """Every POST on the way to an acceptance or an approval: those of the slice `answers`, the customer's of
    `delegated_admin`, and what needs a permission to answer, wherever it stands. Key as in the table of routes →
    endpoint."""
    found = {}
    for rule in app.url_map.iter_rules():
        requirement = access.requirement_of(app, rule.endpoint)
        assert requirement is not None
        answers = rule.endpoint.startswith(BLUEPRINTS) or requirement.permission in ANSWERING
        if answers and "POST" in (rule.methods or set()):
            found[f"POST {rule.rule}"] = rule.endpoint
    return found


def guarded(app: Flask, routes: Mapping[str, str]) -> dict[str, str]:
    """Those that a permission guards; the others are open to anyone who holds a link, and are tried further below."""
    return {key: endpoint for key, endpoint in routes.items() if permission_of(app, endpoint) in ANSWERING}


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    requirement = access.requirement_of(app, endpoint)
    return requirement.permission if requirement is not None else None


def answers_given(app: Flask) -> dict[str, int]:
    """How many rows there are of each kind that an answer makes."""
    with app.app_context():
        return {
            model.__name__: database.session().scalar(sa.select(sa.func.count()).select_from(model)) or 0
            for model in (Acceptance, Relationship, InvitationAct, Attestation, Objection, Order)
        } | {
            "asked to attest": database.session().scalar(
                sa.select(sa.func.count()).where(Fact.kind == "attestation.wanted")
            )
            or 0,
            "DelegatedAct": database.session().scalar(
                sa.select(sa.func.count()).where(DelegatedAct.kind.not_in(OFFERING))
            )
            or 0,
            "admitted": database.session().scalar(
                sa.select(sa.func.count()).where(AdmissionRequest.answered_at.is_not(None))
            )
            or 0,
        }


class Caller:
    """Somebody signed in who sends what no page showed: any body to any address, with the own token."""

    def __init__(self, app: Flask, member: Member | None = None, *, cookie: str = "") -> None:
        self.client = app.test_client()
        self.origin = str(app.config["PUBLIC_URL"])
        if cookie:
            self.client.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie, domain="localhost")
        self.csrf_token = self._token("/help" if cookie else "/sign-in")
        if member is not None:
            answer = self.post("/sign-in", {"address": member.address, "password": PASSWORD})
            assert answer.status_code == 302, f"{member.address} cannot sign in"
            self.csrf_token = self._token("/help")

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(path, base_url=self.origin).text)
        assert found is not None
        return found[1]

    @property
    def cookie(self) -> str:
        """The cookie of its session, for another caller on a copy of the database."""
        found = self.client.get_cookie(self.client.application.config["SESSION_COOKIE_NAME"], domain="localhost")
        assert found is not None
        return found.value

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.client.post(
            path, base_url=self.origin, data={**body, "csrf_token": self.csrf_token},
            headers={"Origin": self.origin, "Referer": f"{self.origin}/", "Accept-Language": "en"},
        )  # fmt: skip


# --- every route, every kind of partner ------------------------------------------------------------------------


def others(story: Story) -> dict[str, Member]:
    """Everybody who must not answer for the customer, by what they are."""
    found = {f"the partner's {role or 'member'}": member for role, member in story.partner.people.items()}
    found |= {f"the provider's {role or 'member'}": member for role, member in story.provider.people.items()}
    found |= {f"the reseller's {role or 'member'}": member for role, member in story.reseller.people.items()}
    found["another partner, every role"] = story.rival["everything"]
    found[ANOTHER_CUSTOMER] = story.stranger["everything"]
    found |= {f"the customer's {role or 'member'}": story.customer[role] for role in ("global_reader", "")}
    return found | {who: story.customer[role] for who, role in DECIDE_OTHERWISE.items()}


#: The customer's own who answer something, by what they are; what each of them does not decide is tried with it too.
DECIDE_OTHERWISE = {
    "the customer's billing administrator": "billing_administrator",
    "the customer's administrator of delegated administration": "delegated_admin_administrator",
}


def may_answer(who: str, permission: Permission | None) -> bool:
    """Whether this is one of the customer's own who may do just this."""
    role = DECIDE_OTHERWISE.get(who)
    return role is not None and permission is not None and role in access.roles_with("customer", permission)


Told = tuple[Story, dict[str, str]]


def tell_and_sign_in(app: Flask) -> Told:
    """The story, with everybody signed in who must not answer: their cookies by what they are."""
    story = tell(app)
    return story, {who: Caller(app, member).cookie for who, member in others(story).items()}


@pytest.fixture
def tellings(engines: Engines, engine: str, tmp_path: Path) -> Iterator[Callable[[], Told]]:
    """Fresh copies of the story with everybody signed in."""
    template, (story, cookies) = engines.seeded(engine, tell_and_sign_in)
    with ExitStack() as copies:

        def copy() -> Told:
            url = copies.enter_context(engines.copy(engine, template))
            app = create_app(configuration(url, tmp_path, demo=True))
            copies.callback(dispose, app)
            return story.moved_to(app), cookies

        yield copy


@pytest.mark.parametrize("asking", ["the partner", "a provider with its reseller"])
def test_nobody_but_the_customers_administrators_answers_with_the_body_that_works_for_them(
    app: Flask, tellings: Callable[[], Told], asking: str
) -> None:
    for key, endpoint in guarded(app, answering_routes(app)).items():
        if asking != "the partner" and endpoint.startswith("delegated_admin."):
            continue  # an offer has one partner, whoever sells
        story, cookies = tellings()
        story = told_by(story, asking)
        row = table().get(key)
        assert row is not None, f"no valid body for {key}: add it to tests/guards/routes/answers.py"
        parameters = row.prepare(story) if row.prepare else {}
        address, body = address_of(story.app, key, parameters), row.body(story, parameters)
        before = answers_given(story.app)
        for who, cookie in cookies.items():
            if "<" not in key and who == ANOTHER_CUSTOMER:
                continue  # at an address that is everybody's own it answers for its own organization
            if may_answer(who, permission_of(app, endpoint)):
                continue
            status = Caller(story.app, cookie=cookie).post(address, body).status_code
            assert status in {403, 404}, f"{who} got {status} from {key}"
            assert answers_given(story.app) == before, f"{who} changed something by {key}"
        assert Caller(story.app).post(address, body).status_code == 401, key
        assert answers_given(story.app) == before, f"nobody changed something by {key}"
        answer = story.client("global_administrator").post(
            address, data={**body, "csrf_token": story.signed["global_administrator"].csrf_token},
            headers={"Origin": "http://localhost", "Referer": "http://localhost/"},
        )  # fmt: skip
        assert answer.status_code == row.status, f"{key} does not work for the administrator"
        if not key.endswith(("/check", "/change")):
            assert answers_given(story.app) != before, f"{key} does nothing for the administrator either"


def told_by(story: Story, asking: str) -> Story:
    """The same story, with the invitation that the table's bodies are about."""
    if asking == "the partner":
        return story
    return replace(story, invitations={**story.invitations, "open": story.invitations["indirect"]})


def test_the_routes_tried_are_those_that_accept(app: Flask) -> None:
    routes = answering_routes(app)
    approval = "POST /delegated-admin/<uuid:relationship_id>/approval"
    assert {"POST /invitation/<ref>/acceptance", "POST /agreement/acceptance", approval} <= set(guarded(app, routes))
    tried = {"POST /invitation/<ref>/sign-in-link", "POST /invitation/<ref>/sign-up", "POST /sign-up/<secret>"}
    open_to_anyone = {key for key, endpoint in routes.items() if permission_of(app, endpoint) is None}
    assert open_to_anyone == tried, "a new way in: let the partner who knows everything try it below"


# --- a partner who knows everything it was ever shown ----------------------------------------------------------


class Knowing:
    """Somebody of the partner who reads every page it can reach, and keeps every word, form and mail."""

    def __init__(self, app: Flask, member: Member) -> None:
        self.app = app
        self.member = member
        self.visitor = Visitor(app)
        self.visitor.sign_in(member.address)
        self.text: list[str] = []
        self.seen: set[str] = set()
        self.files = 0

    def read_all(self, *starts: str) -> None:
        """Read everything that links lead to from here, files included."""
        waiting = [*starts]
        self.seen.clear()
        while waiting:
            address = urlsplit(waiting.pop())
            path = address.path + (f"?{address.query}" if address.query else "")
            if path in self.seen or address.path.startswith(("/static/", "/language/")) or len(self.seen) > 150:
                continue
            self.seen.add(path)
            if address.path.endswith((".eml", ".csv", ".xlsx")):
                answer = self.visitor.client.get(path, base_url=self.visitor.origin)
                self.files += answer.status_code == 200
                self.text.append(answer.get_data().decode("utf-8", "replace"))
                continue
            page = self.visitor.open(path)
            self.text.append(page.html)
            waiting += [url for url in page.links.values() if url.startswith(f"{self.visitor.origin}/")]

    @property
    def words(self) -> set[str]:
        """Everything it read that could be a secret, a reference or an id."""
        return set(re.findall(r"[0-9A-Za-z_-]{20,}", "\n".join(self.text)))


def mailed(sink: Sink, addresses: Iterable[str]) -> list[str]:
    """The texts of the mails that came to these addresses."""
    return [mail.raw.decode("ascii", "replace") + mail.text for each in addresses for mail in sink.to(each)]


def secrets_in(texts: Iterable[str]) -> set[str]:
    """The secret parts of the links in mails."""
    pattern = r"/(?:first-sign-in|password-reset|sign-up|mailbox-confirmation)/([0-9A-Za-z_-]{20,})"
    return {secret for text in texts for secret in re.findall(pattern, text)}


def deliver(app: Flask) -> None:
    with app.app_context():
        while deliver_due():
            pass


@pytest.mark.timeout(300)
def test_a_partner_who_knows_all_it_was_ever_shown_reaches_neither_acceptance_nor_link_nor_session(
    make_app: Callable[..., Flask], sink: Sink
) -> None:
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port))
    world = World(app)
    publish(app)
    partner = world.a_partner("Northwind Cloud", roles=("admin_agent", "sales_agent"))
    customer = world.a_customer("Contoso Ltd.")
    asked, for_anyone = world.an_invitation(partner, customer), world.an_invitation(partner)
    alone, offer_id = an_offer_asked_for(world, partner, customer)
    administrator = customer["global_administrator"]
    forget_password(app, administrator)
    knowing = Knowing(app, partner["admin_agent"])

    send_from_here(knowing, asked, administrator.address)
    send_from_here(knowing, alone, administrator.address)
    knowing.read_all("/partner", f"/partner/invitations/{asked.id}", f"/partner/invitations/{for_anyone.id}",
                     f"/partner/invitations/{alone.id}", f"/partner/delegated-admin/{offer_id}",
                     f"/invitation/{asked.ref}/preview", f"/invitation/{alone.ref}/preview", asked.path)  # fmt: skip
    ask_for_links(app, [asked, alone, for_anyone], customer, partner)
    point_elsewhere(knowing, asked)
    point_elsewhere(knowing, alone)
    with time_machine.travel(clock.now() + timedelta(minutes=20)):  # a second mail needs a pause
        ask_for_links(app, [asked, alone, for_anyone], customer, partner)
        deliver(app)
    knowing.read_all("/partner", f"/partner/invitations/{asked.id}", "/history", "/account")
    own = ["private@mailbox.example", *(each.address for each in partner.people.values())]
    knowing.text += mailed(sink, own)
    assert knowing.files, "it reads the .eml files too"
    assert asked.ref in knowing.words
    assert administrator.address in "\n".join(knowing.text)

    theirs = secrets_in(mailed(sink, [each.address for each in customer.people.values()]))
    assert theirs, "the customer did get a link"
    assert not secrets_in(knowing.text) & theirs
    assert not any(secret in text for secret in theirs for text in knowing.text)

    check_links_went_home(app, customer)
    try_all_as_links(app, knowing, administrator)
    try_all_as_answers(app, knowing, partner, customer, [asked, alone, for_anyone], offer_id)
    with app.app_context():
        members = [each.id for each in customer.people.values()]
        assert not database.session().scalars(sa.select(Session).where(Session.person_id.in_(members))).all()
        assert database.session().get_one(Person, administrator.id).password_hash is None
    assert set(answered(app)) <= {"made", "sent", "corrected"}
    assert answers_given(app) | {"InvitationAct": 0} == dict.fromkeys(answers_given(app), 0)
    check_control(app, sink, asked, alone, administrator)


def an_offer_asked_for(world: World, partner: Party, customer: Party) -> tuple[Asked, UUID]:
    """An offer of delegated administration with the invitation that asks for it, and the offer's id."""
    world.enroll(partner)
    with world.app.app_context():
        with database.unit_of_work():
            session = accounts.start_session(
                partner["admin_agent"].id, proof="password", network_address="", browser=""
            )
            session_id = session.id
        by = actors.load(session_id)
        assert by is not None
        with database.unit_of_work():
            named = organizations.organization_by_id(customer.id)
            assert named is not None
            offer = delegated_admin.offer(
                named, by=by, name="Night watch", roles=(GLOBAL_ADMINISTRATOR,), duration_days=730, auto_extends=False
            )
            row = invitations.make(
                by=by, asks="administration", customer=named, other=None, language="en", last_day=None, offer=offer,
                recipient=customer["global_administrator"].address,
            )  # fmt: skip
            return Asked(row.id, row.ref), offer.id


def check_links_went_home(app: Flask, customer: Party) -> None:
    """No link that lets one of the customer's people in was sent anywhere but to that person's address."""
    with app.app_context():
        for member in customer.people.values():
            for token in database.session().scalars(sa.select(Token).where(Token.person_id == member.id)):
                assert tokens.was_sent_to(token, member.address), token.purpose
            for message in database.session().scalars(sa.select(Message).where(Message.person_id == member.id)):
                assert message.recipient == member.address, message.kind


def forget_password(app: Flask, member: Member) -> None:
    """Let somebody be new: no password, and a mailbox that nobody has proved."""
    with app.app_context(), database.unit_of_work():
        database.write()
        person = database.session().get_one(Person, member.id)
        person.password_hash = person.confirmed_at = None


def answered(app: Flask) -> set[str]:
    with app.app_context():
        return set(database.session().scalars(sa.select(InvitationAct.kind)))


def send_from_here(knowing: Knowing, asked: Asked, recipient: str) -> None:
    """Have the invitation sent to the customer, as the partner does."""
    page = f"/partner/invitations/{asked.id}"
    knowing.visitor.open(f"{page}/correction")
    knowing.visitor.submit(recipient=recipient)
    knowing.visitor.open(page)
    knowing.visitor.submit(to="/sending")
    knowing.text.append(knowing.visitor.page.html)


def point_elsewhere(knowing: Knowing, asked: Asked) -> None:
    """Let the mails of the invitation go where the partner reads them: its own mailbox, and one nobody knows of."""
    for mailbox in (knowing.member.address, "private@mailbox.example"):
        knowing.visitor.open(f"/partner/invitations/{asked.id}/correction")
        page = knowing.visitor.submit(recipient=mailbox)
        assert page.status == (422 if mailbox == knowing.member.address else 200), page.words
        knowing.text.append(page.html)


def ask_for_links(app: Flask, invitations: list[Asked], customer: Party, partner: Party) -> None:
    """Ask for every link that anyone may ask for, for each address that could help."""
    addresses = [each.address for each in customer.people.values()]
    addresses += ["private@mailbox.example", f"new@{addresses[0].rpartition('@')[2]}", partner["admin_agent"].address]
    for who in (None, partner["admin_agent"]):
        caller = Caller(app, who)
        for asked in invitations:
            caller.post(f"/invitation/{asked.ref}/sign-in-link", {})
            for address in addresses:
                caller.post(f"/invitation/{asked.ref}/sign-up", {"address": address})
        for address in addresses:
            for path in ("/first-sign-in", "/password-reset"):
                caller.post(path, {"address": address, "next": "/agreement/acceptance"})
        caller.post("/mailbox-link", {"next": "/agreement/acceptance"})


def try_all_as_links(app: Flask, knowing: Knowing, administrator: Member) -> None:
    """Try every word it knows as the secret of every kind of link, with the address on file and a new password."""
    caller = Caller(app, None)
    body = {
        "address": administrator.address, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD,
        "organization": "Contoso Ltd.", "country": "US", "given_name": "Global", "family_name": "Administrator",
    }  # fmt: skip
    own = secrets_in(knowing.text)  # of its own mailboxes: these open its own accounts, never the customer's
    for word in sorted(knowing.words):
        for kind in ("first-sign-in", "password-reset", "sign-up", "mailbox-confirmation"):
            status = caller.post(f"/{kind}/{word}", body).status_code
            expected = {404, 410, 422} if word in own else {404, 410}
            assert status in expected, f"{kind} took {word}: {status}"


def try_all_as_answers(
    app: Flask, knowing: Knowing, partner: Party, customer: Party, asked_for: list[Asked], offer_id: UUID
) -> None:  # fmt: skip
    """Try every act on the way to an acceptance, with the fields that such a form has and the words it knows."""
    body: dict[str, Any] = {
        "agreement": "y", "relationship": "y", "authority": "y", "title": "Director", "department": "", "parts": "{}",
        "fingerprint": next((w for w in sorted(knowing.words) if re.fullmatch(r"[0-9a-f]{64}", w)), "0" * 64),
        "approval": "y", "roles": [GLOBAL_ADMINISTRATOR], "on": "yes", "comment": "",
        "role": "global_administrator", "reason": "not_needed", "customer": str(customer.id),
        "organization_id": str(customer.id), "person_id": str(customer["global_administrator"].id),
    }  # fmt: skip
    with app.app_context(), database.unit_of_work():
        database.write()
        request = AdmissionRequest(
            id=REQUEST_ID, organization_id=customer.id, given_name="Private", family_name="Mailbox", language="en",
            address="private@mailbox.example", address_key="private@mailbox.example", ref="", asked_at=clock.now(),
        )  # fmt: skip
        database.session().add(request)
    for who in (*partner.people.values(), None):
        caller = Caller(app, who)
        for key, endpoint in guarded(app, answering_routes(app)).items():
            for asked in asked_for:
                parameters = {
                    "ref": asked.ref, "request_id": REQUEST_ID, "relationship_id": offer_id,
                    "role_id": GLOBAL_ADMINISTRATOR, "attestation_id": REQUEST_ID,
                }  # fmt: skip
                status = caller.post(fill(key, parameters), body).status_code
                assert status in ({401} if who is None else {403, 404}), f"{endpoint}: {status}"


def fill(key: str, parameters: Mapping[str, Any]) -> str:
    """The address of a route with the parameters it names."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(parameters[found[1]]), key.removeprefix("POST "))


def check_control(app: Flask, sink: Sink, asked: Asked, alone: Asked, administrator: Member) -> None:
    """With the link that went to the address on file the administrator does come in, accepts, and approves."""
    visitor = Visitor(app)
    links = [link for mail in sink.to(administrator.address) for link in mail.links if "/first-sign-in/" in link]
    visitor.open(links[-1])
    visitor.submit(address=administrator.address, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    visitor.open(asked.path)
    visitor.submit(to="/opening")
    visitor.submit(agreement=True, relationship=True, authority=True, title="Director", to="/check")
    visitor.submit(to="/acceptance")
    assert answers_given(app)["Acceptance"] == 1
    assert answers_given(app)["Relationship"] == 1
    visitor.open(alone.path)
    visitor.open(f"{visitor.submit(to='/opening').url}/approval")
    visitor.submit(approval=True, to="/approval")
    assert answers_given(app)["DelegatedAct"] == 1


def test_a_partner_makes_no_customer_with_a_mailbox_of_its_own(make_app: Callable[..., Flask], sink: Sink) -> None:
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port))
    world = World(app)
    publish(app)
    partner = world.a_partner("Northwind Cloud")
    for_anyone = world.an_invitation(partner)
    domain = partner["admin_agent"].address.rpartition("@")[2]
    caller = Caller(app, None)
    for address in (partner["admin_agent"].address, f"made.up@{domain}", f"made.up@sub.{domain}"):
        caller.post(f"/invitation/{for_anyone.ref}/sign-up", {"address": address})
    deliver(app)
    assert not [secret for secret in secrets_in(mail.text for mail in sink.received) if secret]
    with app.app_context():
        kinds = database.session().scalars(sa.select(Organization.kind)).all()
    assert kinds == ["partner"]


# --- a partner who gave the customer its password --------------------------------------------------------------


@pytest.mark.timeout(300)
def test_a_partner_who_knows_the_temporary_password_and_all_it_was_shown_accepts_nothing(
    make_app: Callable[..., Flask], sink: Sink
) -> None:
    """It added the customer itself: it typed the address, and was shown the sign-in name and the password."""
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port))
    world = World(app)
    publish(app)
    partner = world.a_partner("Northwind Cloud", roles=("admin_agent", "sales_agent"))
    knowing = Knowing(app, partner["admin_agent"])
    page, password = create(knowing.visitor)
    knowing.text.append(page.html)
    knowing.visitor.follow("Prepare the invitation")
    asked_url = knowing.visitor.submit(to="/partner/invitations").url
    knowing.visitor.submit(to="/sending")
    knowing.read_all("/partner", asked_url, page.url.replace("/creation", "/done"), "/partner/customers", "/history")
    knowing.text += mailed(sink, [each.address for each in partner.people.values()])
    with app.app_context():
        contact = database.session().scalars(sa.select(Person).where(Person.address == CONTACT["address"])).one()
        customer_id, contact_id = contact.organization_id, contact.id
    assert password in "\n".join(knowing.text), "it knows the password"

    begins = clock.now()
    for minutes in (0, 6, 12):  # a code after the other, and every one tried as often as it can be
        with time_machine.travel(begins + timedelta(minutes=minutes)):
            try_the_password(app, knowing, password, sink)
    try_to_go_round_the_code(app, knowing, password, customer_id)
    deliver(app)
    assert not [mail for each in partner.people.values() for mail in sink.to(each.address) if "code" in mail.text]
    with app.app_context():
        person = database.session().get_one(Person, contact_id)
        assert (person.confirmed_at, person.temporary_until is None) == (None, False)
        assert not database.session().scalars(sa.select(Session).where(Session.person_id == contact_id)).all()
    assert answers_given(app)["Acceptance"] == 0
    assert answers_given(app)["Relationship"] == 1, "the one by creation"
    with time_machine.travel(begins + timedelta(minutes=30)):
        check_control_with_code(app, sink, password)


def try_the_password(app: Flask, knowing: Knowing, password: str, sink: Sink) -> None:
    """Sign in with the temporary password: it stops at the page for the code, whatever is typed there."""
    visitor = Visitor(app)
    assert visitor.sign_in(CONTACT["address"], password).heading == "Enter the code from our message"
    knowing.text.append(visitor.page.html)
    deliver(app)
    code = code_in(sink)
    assert not any(code in text for text in knowing.text), "no page that the partner sees holds the code"
    for path in ("/home", "/agreement", "/agreement/acceptance", "/account", "/account/own-password"):
        assert visitor.open(path).heading == "Sign in", path
    visitor.open("/sign-in/code")
    guesses = [each for each in sorted(set(re.findall(r"\d{6}", "\n".join(knowing.text)))) if each != code]
    guesses += [f"{(int(code) + number) % 1_000_000:06d}" for number in range(1, 7)]
    statuses = [visitor.submit(code=guess).status for guess in guesses[:5]]
    assert statuses == [422] * 5
    assert visitor.submit(code=code).status == 410, "after five tries not even the right one"


def try_to_go_round_the_code(app: Flask, knowing: Knowing, password: str, customer_id: UUID) -> None:
    """Send every act of an answer, every change of a password and of an account from where the code is waited for."""
    caller = Caller(app)
    caller.post("/sign-in", {"address": CONTACT["address"], "password": password})
    caller.csrf_token = caller._token("/sign-in")
    own = {"new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD, "current_password": password}
    paths = ["/account/own-password", "/account/password", "/account/address", "/account/name", "/agreement/acceptance",
             "/agreement/acceptance/check"]  # fmt: skip
    for path in paths:
        answer = caller.post(path, {**own, "address": "private@mailbox.example", "agreement": "y", "authority": "y"})
        assert answer.status_code == 401, path
    for word in sorted(knowing.words):
        for kind in ("first-sign-in", "password-reset", "objection"):
            status = caller.post(
                f"/{kind}/{word}",
                {"address": CONTACT["address"], "password": NEW_PASSWORD, "password_again": NEW_PASSWORD},
            ).status_code
            assert status in {404, 410}, f"{kind} took {word}: {status}"
    visitor = knowing.visitor
    visitor.open(f"/partner/customers/{customer_id}/contact")
    for address in (knowing.member.address, f"made.up@{knowing.member.address.rpartition('@')[2]}"):
        assert visitor.submit(address=address).status == 422, "the codes go nowhere where the partner reads them"


def code_in(sink: Sink) -> str:
    """The newest code that went to the contact."""
    for mail in reversed(sink.to(CONTACT["address"])):
        found = re.search(r"^([0-9]{6})\s*$", mail.text, re.MULTILINE)
        if found is not None:
            return found[1]
    raise AssertionError("no code was mailed")


def check_control_with_code(app: Flask, sink: Sink, password: str) -> None:
    """Whoever reads the mailbox does come in with the same password, and accepts."""
    visitor = Visitor(app)
    visitor.open("/agreement/acceptance")
    visitor.sign_in(CONTACT["address"], password)
    deliver(app)
    visitor.submit(code=code_in(sink))
    visitor.submit(new_password=NEW_PASSWORD, new_password_again=NEW_PASSWORD)
    visitor.submit(agreement=True, authority=True, title="Director", to="/check")
    visitor.submit(to="/acceptance")
    assert answers_given(app)["Acceptance"] == 1
