"""Acting for a customer: the list, the page where it begins, the banner, and what is shown once the rights ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tests.support.builders import Member, Party
from tests.support.delegation import Delegation
from tests.support.main_job import PLACES, Clicks
from tests.support.state import State
from webapp import database
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import ROLES
from webapp.organizations import queries as organizations

if TYPE_CHECKING:
    from tests.support.page_states import _Filling

#: Names of a partner with roles, of its customers, and of what it offered.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "helper": "Lucerne Administration", "helped": "Bellows College", "recorded": "Trey Research",
        "name": "Everyday administration", "mail": "Moving mailboxes",
    },
    "ja": {
        "helper": "ルツェルン管理サービス株式会社", "helped": "ベローズ学園", "recorded": "トレイ・リサーチ株式会社",
        "name": "日常の管理", "mail": "メールボックスの移行",
    },
}  # fmt: skip
KEY = {role.key: role.id for role in ROLES}
USED = (
    "user_administrator", "billing_administrator", "global_reader", "helpdesk_administrator", "exchange_administrator",
    "teams_administrator",
)  # fmt: skip


def _begins(name: str) -> Any:
    """Begin to administer a customer, and open a page of it."""

    def then(clicks: Clicks) -> None:
        row = clicks.page.locator("main tbody tr", has_text=WORDS[clicks.language]["helped"])
        button = row.locator("button[type=submit]")
        if button.count():
            clicks.press(button)
        clicks.page.goto(name)

    return then


def _stops(clicks: Clicks) -> None:
    """Stop, for those who begin."""
    _begins("/acting")(clicks)
    clicks.press(clicks.page.locator(".acting button"))


def _ends(clicks: Clicks) -> None:
    """The customer ends it while a page is open: the next click finds nothing."""
    with clicks.app.app_context():
        (row,) = database.session().scalars(
            sa.select(DelegatedRelationship).where(DelegatedRelationship.name == WORDS[clicks.language]["name"])
        )
        relationship_id, customer_id = row.id, row.customer_id
        people = organizations.people_with(customer_id, "global_administrator")
        party = Party(customer_id, "", row.customer_id, {"global_administrator": Member(people[0].id, "", ())})
    Delegation(clicks.app).end(relationship_id, party)
    clicks.page.goto("/users")


_LIST = "/partner/administered"
#: In this order: who begins in one state acts in those that follow.
STATES = (
    State("administered", "helper", _LIST),
    State("administered-of-helpdesk", "helper's helpdesk", _LIST),
    State("administered-empty", "new partner", _LIST),
    State("acting-begun", "helper", _LIST, _begins("/acting")),
    State("acting", "helper", "/acting"),
    State("acting-list", "helper", _LIST),
    State("acting-history", "helper", "/history"),
    State("acting-agreement", "helper", "/agreement"),
    State("acting-people", "helper", "/users"),
    State("acting-own-pages", "helper", "/partner"),
    State("acting-forbidden", "helper", "/inbox", status=403),
    State("acting-of-helpdesk", "helper's helpdesk", _LIST, _begins("/acting")),
    State("acting-stopped", "helper's helpdesk", _LIST, _stops),
    State("history-of-helped", "helped", "/history"),
    State("delegated-helped", "helped", "/delegated-admin/{helping}"),
    State("acting-over", "helper", "/acting", _ends),
    State("acting-over-told", "helper", "/partner"),
)


def fill(filling: _Filling) -> None:
    """A partner with roles at two customers: at one they open pages, at the other they are recorded only."""
    words, place = WORDS[filling.language], PLACES[filling.language]
    helper = filling.world.a_partner(words["helper"], **place)
    helped, recorded = (filling.world.a_customer(words[name], **place) for name in ("helped", "recorded"))
    delegation = Delegation(filling.app)
    roles = [KEY[key] for key in USED]
    filling.made.values["helping"] = str(
        delegation.active(helper, helped, words["name"], roles=roles, duration_days=730)
    )  # fmt: skip
    delegation.active(helper, recorded, words["mail"], roles=[KEY["exchange_administrator"]], auto_extends=True)
    filling.made.people |= {
        "helper": helper["admin_agent"], "helper's helpdesk": helper["helpdesk_agent"],
        "helped": helped["global_administrator"],
    }  # fmt: skip
