"""Every policy: its name, type, default, bounds and source."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from webapp.errors import Refusal

#: The pattern of a policy that is a day.
DAY = "YYYY-MM-DD"


@dataclass(frozen=True)
class Policy:
    """A declared setting. Numbers lie from `low` to `high`; lists hold words, each once, and only those of
    `choices`, if there are any; texts and words match `pattern`, if there is one."""

    name: str
    default: Any
    source: str
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""


class UnknownPolicy(Refusal):
    """No policy has this name."""

    operator = True


class PolicyOutOfBounds(Refusal):
    """The value is not of the policy's type or lies outside its bounds."""

    operator = True


CUSTOMER_ADMINISTRATORS = ("global_administrator", "billing_administrator")
DELEGATED_ADMIN_APPROVERS = ("global_administrator", "delegated_admin_administrator")

ATTESTING_PROGRAMMES = ("direct_bill", "indirect_provider")

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            "agreement.acceptors",
            list(CUSTOMER_ADMINISTRATORS),
            "Microsoft's texts name either role; both are allowed for agreement and relationship",
            choices=CUSTOMER_ADMINISTRATORS,
        ),
        Policy(
            "delegated_admin.approvers",
            list(DELEGATED_ADMIN_APPROVERS),
            "Microsoft asks for the global administrator or, since April 2026, the role made for this",
            choices=DELEGATED_ADMIN_APPROVERS,
        ),
        Policy(
            "delegated_admin.offer_days",
            90,
            "Microsoft's requests lapse after 90 days without an answer",
            low=1,
            high=365,
        ),
        Policy(
            "delegated_admin.notice_days",
            ["30", "7", "1"],
            "days before the end on which both sides are told, as Microsoft does",
            pattern="[1-9][0-9]{0,2}",
        ),
        Policy(
            "relationship.reminder_days",
            ["7", "14"],
            "days after a customer asked to end a relationship on which its partner is reminded",
            pattern="[1-9][0-9]{0,2}",
        ),
        Policy(
            "invitation.days",
            30,
            "long enough for a decision that waits for somebody on leave; at most a year",
            low=1,
            high=365,
        ),
        Policy(
            "invitation.reminder_days", 3, "one reminder, so many days before the last day; 0: none", low=0, high=30
        ),
        Policy(
            "invitation.sends_a_day",
            200,
            "mails a day and partner: more belongs into the partner's own mail system",
            low=1,
            high=100_000,
        ),
        Policy(
            "evidence.retention_years",
            10,
            "a signer's name, address and authority stay so many years after the act",
            low=1,
            high=100,
        ),
        Policy("link.first_sign_in_days", 14, "days that a link for a first password is good", low=1, high=60),
        Policy("link.reset_hours", 2, "hours that a link for a new password is good", low=1, high=48),
        Policy("link.confirmation_days", 3, "days that a link to confirm a mailbox is good", low=1, high=30),
        Policy("session.days", 14, "a session ends after so many days", low=1, high=90),
        Policy(
            "countries.served",
            ["JP", "US", "GB", "DE", "FR", "CA", "AU", "SG"],
            "where the service is offered; the operator decides",
            pattern="[A-Z]{2}",
        ),
        Policy(
            "attestation.programmes",
            list(ATTESTING_PROGRAMMES),
            "Microsoft lets direct-bill partners and indirect providers attest, never an indirect reseller",
            choices=ATTESTING_PROGRAMMES,
        ),
        Policy(
            "attestation.last_day",
            "9999-12-31",
            "the last day (UTC) on which partners may attest; Microsoft ended its own attestation on 2026-01-05",
            pattern=DAY,
        ),
        Policy("attestation.objection_days", 90, "days that the link to object is good", low=7, high=365),
        Policy("link.temporary_password_days", 14, "days that a temporary password is good", low=1, high=60),
        Policy("pairing.request_days", 90, "days that a partner's request to work together waits", low=1, high=365),
        *(
            Policy(
                f"subscription.{stage}_days.{contract}",
                days,
                f"{words}, for what runs by {contract.replace('_', ' ')} (Microsoft's partner article: 30, and until day 120)",
                low=0,
                high=730,
            )
            for contract in ("partner", "product_key", "direct")
            for stage, days, words in (
                ("expired", 30, "days after the last one on which people still work"),
                ("disabled", 90, "days after those on which the data is kept and administrators can reactivate"),
            )
        ),
        Policy(
            "renewal.notice_days",
            ["60", "30", "7", "1"],
            "days before the end on which the partner of record is told, as Microsoft does",
            pattern="[1-9][0-9]{0,2}",
        ),
        Policy(
            "renewal.direct_days",
            7,
            "direct billing begins a new subscription at once: offered so many days before the end, and after it",
            low=0,
            high=60,
        ),
        Policy("product_key.wrong_an_hour", 20, "wrong keys an hour for a person and for an address", low=1, high=1000),
        Policy("product_key.wrong_a_day", 1000, "wrong keys a day in total", low=1, high=1_000_000),
        Policy("product_key.draft_days", 30, "days that an unfinished redemption is kept", low=1, high=365),
        Policy("import.rows", 10_000, "rows of one file", low=1, high=100_000),
        Policy(
            "agreement.renew_before",
            "2023-04-01",
            "Microsoft asks to renew acceptances before this day",
            pattern=DAY,
        ),
    )
}


def check_value(name: str, value: Any) -> Any:
    """The value as it is stored. Raises UnknownPolicy, PolicyOutOfBounds."""
    policy = POLICIES.get(name)
    if policy is None:
        raise UnknownPolicy(policy=name)
    if type(value) is not type(policy.default):
        raise PolicyOutOfBounds(policy=name, value=value)
    if not _fits(policy, value):
        raise PolicyOutOfBounds(policy=name, value=value)
    return value


def bounds(policy: Policy) -> str:
    """What values a policy can have, in plain English for the operator."""
    if isinstance(policy.default, int):
        return f"a number from {policy.low} to {policy.high}"
    if policy.choices:
        return "a list of some of these: " + json.dumps(list(policy.choices))
    if isinstance(policy.default, list):
        return f"a list of words of the form {policy.pattern}, each once"
    return "a day, as in 2026-03-01" if policy.pattern == DAY else f"a text of the form {policy.pattern}"


def _fits(policy: Policy, value: Any) -> bool:
    if isinstance(value, int):
        return (policy.low is None or value >= policy.low) and (policy.high is None or value <= policy.high)
    if isinstance(value, list):
        if not value or not all(isinstance(word, str) for word in value) or len(set(value)) < len(value):
            return False
        allowed = not policy.choices or set(value) <= set(policy.choices)
        return allowed and all(_matches(policy, word) for word in value)
    return _matches(policy, str(value))


def _matches(policy: Policy, text: str) -> bool:
    if policy.pattern == DAY:
        try:
            return date.fromisoformat(text).isoformat() == text
        except ValueError:
            return False
    return not policy.pattern or re.fullmatch(policy.pattern, text) is not None
