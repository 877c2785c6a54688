"""Words of events, of what stands against an address, and of what came of an attempt."""

from __future__ import annotations

from http import HTTPStatus

from flask_babel import gettext as _
from flask_babel import ngettext


def event_words(name: str) -> str:
    """What an event says, with its name; the name alone where it has no words."""
    words = {
        "test-created": _("A test was asked for"),
        "reseller-relationship-accepted-by-customer": _("A customer accepted the reseller relationship"),
        "customer-agreement-accepted": _("A customer accepted the Microsoft Customer Agreement"),
        "attestation-objected": _("A customer objected to an attestation"),
        "subscription-updated": _("A subscription began or changed"),
        "dap-admin-relationship-approved": _("Delegated administration was approved (older name)"),
        "dap-admin-relationship-terminated": _("Delegated administration ended (older name)"),
        "granular-admin-relationship-approved": _("Delegated administration was approved"),
        "granular-admin-relationship-activated": _("Delegated administration became active"),
        "granular-admin-relationship-terminated": _("Delegated administration was ended, declined or withdrawn"),
        "granular-admin-relationship-expired": _("Delegated administration or its offer expired"),
        "granular-admin-access-assignment-created": _("An access assignment was created"),
        "granular-admin-access-assignment-activated": _("An access assignment became active"),
        "granular-admin-access-assignment-updated": _("An access assignment was changed"),
        "granular-admin-access-assignment-deleted": _("An access assignment was deleted"),
    }.get(name, "")
    return str(_("%(words)s (%(name)s)", words=words, name=name)) if words else name


def target_words(why: str) -> str:
    """Why nothing is sent to an address."""
    words: dict[str, str] = {
        "malformed": _("Enter a complete address, like https://receiver.example/events."),
        "scheme": _("The address must begin with https://."),
        "userinfo": _("The address must not hold a user name or password."),
        "fragment": _("The address must not hold a part after #."),
        "port": _("Use port 443 or 8443."),
        "name": _("This name only means something inside a network. Use one that can be reached from the internet."),
        "address": _("This is an address inside a network. Use one that can be reached from the internet."),
    }
    return words[why]


def error_words(error: str) -> str:
    """Why there was no answer."""
    words: dict[str, str] = {
        "timeout": _("No answer in time"),
        "unreachable": _("Not reached"),
        "tls": _("The encrypted connection failed"),
        "unresolved": _("The name was not found"),
        "forbidden": _("The address is not allowed"),
        "protocol": _("The answer could not be read"),
        "fault": _("Could not be sent"),
    }
    return words.get(error, "")


def state_words(state: str) -> tuple[str, str]:
    """A delivery's state as an adjective, and the tone of its mark."""
    return {
        "waiting": (_("Waiting"), "waiting"),
        "delivered": (_("Delivered"), "good"),
        "dead": (_("Given up"), "attention"),
        "dropped": (_("Dropped"), "ended"),
    }[state]


def count_words(count: int) -> str:
    """How many stand on a page."""
    return str(ngettext("%(num)s event on this page", "%(num)s events on this page", count))


def status_name(code: int | None) -> str:
    """An HTTP status as Partner Center names it ("OK", "NotFound"); empty where there was no answer."""
    try:
        return "".join(each.capitalize() for each in HTTPStatus(code or 0).phrase.split()).replace("Ok", "OK")
    except ValueError:
        return str(code) if code is not None else ""
