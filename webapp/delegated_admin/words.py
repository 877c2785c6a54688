"""The words of the roles in the reader's language: what each is called, what it allows, and what it does not.

Facts of Microsoft Entra's built-in roles, said for somebody who never administered anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp.delegated_admin.roles import BY_ID, GLOBAL_ADMINISTRATOR, RISKS, in_order


@dataclass(frozen=True)
class RoleWords:
    """A role in plain words. `can` and `cannot` complete "they will (not) be able to": part of a sentence each, without
    a full stop."""

    id: str
    name: str
    can: str
    cannot: str
    risk: str

    @property
    def reaches_everything(self) -> bool:
        """Whether it holds every other role."""
        return self.id == GLOBAL_ADMINISTRATOR

    @property
    def is_basic(self) -> bool:
        """Whether it is in the least-privilege set."""
        return BY_ID[self.id].basic


#: By the role's key: its name, what whoever holds it can do, and what they cannot although a reader might fear it.
_WORDS = {
    "global_administrator": (
        _l("Global Administrator"),
        _l("read and change every setting of every service, give any role to anyone, and reset anyone's password"),
        _l("accept an agreement or approve an offer here in the organization's name"),
    ),
    "privileged_role_administrator": (
        _l("Privileged Role Administrator"),
        _l("give any administrator role to anyone, themselves included, and take it away"),
        _l("reset passwords or manage mail and files, unless they give themselves a role for it"),
    ),
    "privileged_authentication_administrator": (
        _l("Privileged Authentication Administrator"),
        _l("reset the password and the sign-in methods of everyone, Global Administrators included, and block or delete people"),
        _l("give anyone an administrator role, or assign licences"),
    ),
    "customer_delegated_admin_relationship_administrator": (
        _l("Customer Delegated Admin Relationship Administrator"),
        _l("see, approve and end the delegated administration of every partner in Microsoft's admin centre"),
        _l("create people, reset passwords, or approve an offer here in the organization's name"),
    ),
    "application_administrator": (
        _l("Application Administrator"),
        _l("add, change and delete all applications, set how people sign in to them, and let applications read data"),
        _l("create people, reset passwords, or give anyone an administrator role"),
    ),
    "cloud_application_administrator": (
        _l("Cloud Application Administrator"),
        _l("add, change and delete applications in the cloud, and set how people sign in to them"),
        _l("open applications inside the organization's own network to the outside, create people, or reset passwords"),
    ),
    "security_administrator": (
        _l("Security Administrator"),
        _l("read security reports, answer alerts, and change security settings, such as who may sign in from where"),
        _l("create people, reset passwords, or assign licences"),
    ),
    "domain_name_administrator": (
        _l("Domain Name Administrator"),
        _l("add and delete domain names, and decide which service signs in the people of a domain"),
        _l("create people, reset passwords, or change applications"),
    ),
    "external_identity_provider_administrator": (
        _l("External Identity Provider Administrator"),
        _l("decide with which accounts of other services, such as Google or another company, people may sign in"),
        _l("create or delete people, or change settings of mail and files"),
    ),
    "intune_administrator": (
        _l("Intune Administrator"),
        _l("manage all computers and phones: set them up, install software, lock and wipe them; create and change groups"),
        _l("reset passwords, give anyone an administrator role, or manage mailboxes"),
    ),
    "authentication_administrator": (
        _l("Authentication Administrator"),
        _l("reset the password and the sign-in methods of people without a powerful administrator role"),
        _l("reset a Global Administrator's password, or give anyone an administrator role"),
    ),
    "authentication_policy_administrator": (
        _l("Authentication Policy Administrator"),
        _l("decide which sign-in methods everybody may or must use, and which passwords are not allowed"),
        _l("reset one person's password, or block or delete people"),
    ),
    "user_administrator": (
        _l("User Administrator"),
        _l("create, change and delete people and groups, assign licences, and reset passwords of people without a powerful administrator role"),
        _l("reset a Global Administrator's password, give anyone an administrator role, or read mailboxes"),
    ),
    "helpdesk_administrator": (
        _l("Helpdesk Administrator"),
        _l("reset passwords of people without a powerful administrator role, and make them sign in again"),
        _l("create or delete people, assign licences, or reset a Global Administrator's password"),
    ),
    "directory_writers": (
        _l("Directory Writers"),
        _l("create people and groups, change their details, and assign licences"),
        _l("reset passwords, delete people, or give anyone an administrator role"),
    ),
    "groups_administrator": (
        _l("Groups Administrator"),
        _l("create, change and delete groups, and set how they are named and when they expire"),
        _l("create people, reset passwords, or change groups that carry administrator roles"),
    ),
    "exchange_administrator": (
        _l("Exchange Administrator"),
        _l("manage all mailboxes and mail settings, and let somebody read or forward another person's mail"),
        _l("give anyone an administrator role outside mail, assign licences, or change the security rules for signing in"),
    ),
    "sharepoint_administrator": (
        _l("SharePoint Administrator"),
        _l("manage all SharePoint sites and OneDrive, decide who may open and share files, and give themselves access"),
        _l("read people's mailboxes, create people, or reset passwords"),
    ),
    "teams_administrator": (
        _l("Teams Administrator"),
        _l("manage all of Teams: every team and its members, meetings, calls and phone numbers"),
        _l("read private chats, reset passwords, or assign licences"),
    ),
    "dynamics_365_administrator": (
        _l("Dynamics 365 Administrator"),
        _l("manage all of Dynamics 365: its environments, what is stored there, and who may use it"),
        _l("create people, reset passwords, or manage mail and files outside Dynamics 365"),
    ),
    "power_platform_administrator": (
        _l("Power Platform Administrator"),
        _l("manage all apps, automatic flows and environments of Power Platform, and which data they may use"),
        _l("create people, reset passwords, or manage mail and Teams"),
    ),
    "cloud_device_administrator": (
        _l("Cloud Device Administrator"),
        _l("enable, disable and delete devices in the directory, and read the keys that unlock their drives"),
        _l("wipe devices, install software on them, or reset passwords"),
    ),
    "cloud_app_security_administrator": (
        _l("Cloud App Security Administrator"),
        _l("see which cloud applications people use, set rules and alerts for them, and block them"),
        _l("create or delete people, give anyone an administrator role, or manage computers"),
    ),
    "compliance_administrator": (
        _l("Compliance Administrator"),
        _l("set how long data is kept and how it is protected, and follow reports and alerts about it"),
        _l("create people, reset passwords, or decide who may sign in"),
    ),
    "billing_administrator": (
        _l("Billing Administrator"),
        _l("buy and cancel subscriptions, change how they are paid, and read invoices"),
        _l("create people, reset passwords, or read mail and files"),
    ),
    "license_administrator": (
        _l("License Administrator"),
        _l("give people licences, change them and take them away"),
        _l("buy subscriptions, create or delete people, or reset passwords"),
    ),
    "global_reader": (
        _l("Global Reader"),
        _l("read all settings and reports that a Global Administrator can read"),
        _l("change anything, or read people's mail and files"),
    ),
    "security_reader": (
        _l("Security Reader"),
        _l("read security settings, alerts, sign-in records and risk reports"),
        _l("change a security setting, or block anyone"),
    ),
    "directory_readers": (
        _l("Directory Readers"),
        _l("see names and contact details of people, groups, devices and applications in the directory"),
        _l("change anyone's details, or see passwords, mail or files"),
    ),
    "reports_reader": (
        _l("Reports Reader"),
        _l("read reports of how services are used, and records of sign-ins and changes"),
        _l("change settings, or read what mails and files contain"),
    ),
    "message_center_reader": (
        _l("Message Center Reader"),
        _l("read Microsoft's announcements of changes to the services"),
        _l("read people's messages, or change any setting"),
    ),
    "service_support_administrator": (
        _l("Service Support Administrator"),
        _l("open and follow support requests to Microsoft, and see whether the services work"),
        _l("change settings or people, or reset passwords"),
    ),
}  # fmt: skip


def role_words(role_id: str) -> RoleWords:
    """One role's words in the reader's language; raises KeyError for an id of none."""
    role = BY_ID[role_id]
    name, can, cannot = _WORDS[role.key]
    return RoleWords(role.id, str(name), str(can), str(cannot), role.risk)


def role_name(role_id: str) -> str:
    """What a role is called in the reader's language."""
    return str(_WORDS[BY_ID[role_id].key][0])


#: By the role's key: what whoever acts for a customer can do by it on the pages here.
_HERE = {
    "global_administrator": _l(
        "Read what a global administrator reads here, except its inbox; manage people, licences and passwords; redeem product keys, renew, and name the partner of record"
    ),
    "global_reader": _l("Read the agreement, receipts, partners, history, orders, subscriptions and people"),
    "billing_administrator": _l(
        "Read the agreement, receipts, partners, orders and subscriptions; redeem product keys, renew, and name the partner of record"
    ),
    "customer_delegated_admin_relationship_administrator": _l("Read the list of partners"),
    "user_administrator": _l("See subscriptions; manage people, licences and passwords"),
    "license_administrator": _l("See people and subscriptions; give licences and take them"),
    "helpdesk_administrator": _l("See people, and have a link to a new password mailed to them"),
}  # fmt: skip


@dataclass(frozen=True)
class RoleHere:
    """A delegated role as its holder meets it here: what it opens, or that it opens nothing."""

    name: str
    opens: str


def role_here(role_id: str, partner_roles: Collection[str]) -> RoleHere:
    """What a delegated role opens here for somebody with these roles at the partner; `opens` is empty for nothing."""
    opens = _HERE.get(BY_ID[role_id].key, "")
    if opens and "admin_agent" not in partner_roles:
        opens = _HERE["helpdesk_administrator"]
    return RoleHere(role_name(role_id), str(opens))


def extension_words(roles: Iterable[str], on: bool) -> str:
    """What an approver has to know of the automatic extension: with the approval either side may switch it later."""
    if on:
        return str(_("It extends itself by 180 days each time it would end, until either side switches that off."))
    if GLOBAL_ADMINISTRATOR in set(roles):
        return str(
            _(
                "With the Global Administrator role it cannot extend itself. If you remove that role, either side can switch on the automatic extension by 180 days; your organization is told, and can switch it off at any time."
            )
        )
    return str(
        _(
            "It ends by itself, but either side can switch on the automatic extension by 180 days later. Your organization is told then, and can switch it off at any time."
        )
    )


def by_risk(role_ids: Iterable[str]) -> list[tuple[str, list[RoleWords]]]:
    """Roles in words under their risks, the highest first; risks without a role are left out."""
    words = [role_words(role) for role in in_order(role_ids)]
    found = [(risk, [each for each in words if each.risk == risk]) for risk in RISKS]
    return [(risk, of_risk) for risk, of_risk in found if of_risk]
