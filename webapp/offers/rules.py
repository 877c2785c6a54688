"""Offering to one customer or to several at once: what makes it happen once, and what stands in the way."""

from __future__ import annotations

from uuid import UUID, uuid5

from webapp.errors import Refusal

#: Customers that one form offers to.
MOST_AT_ONCE = 50
#: An offer whose term is over within so many days is marked in the list.
SOON_DAYS = 30
STATES = ("current", "active", "ending", "pending", "over", "all")
SORTS = ("end", "end_down")


class NoRecipient(Refusal):
    """Nobody at the customer has an address that a message could be sent to. `customer`."""


class SuccessorMade(Refusal):
    """The smaller offer that the customer asked for was made already. `offer_id`."""


def offer_id(key: UUID, customer_id: UUID) -> UUID:
    """The id of the offer that a form (its `key`) makes to a customer: the same form makes it once."""
    return uuid5(key, f"offer to {customer_id}")


def invitation_id(key: UUID, customer_id: UUID) -> UUID:
    """The id of the invitation that tells of it."""
    return uuid5(key, f"invitation of {customer_id}")
