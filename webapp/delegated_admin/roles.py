"""The administrator roles that a partner can be given: facts of each (Microsoft Entra's built-in roles), and its words.

`ROLES` is the whole catalogue, in the order in which pages show it; a role is known by its template id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

RISKS = ("high", "medium", "low")


@dataclass(frozen=True)
class Role:
    """A role: Microsoft's template id, our key, its risk (one of RISKS), and whether it is in the least-privilege set.

    High: whoever holds it can gain further rights, or reach everything. Medium: changes people, devices or one
    service. Low: reads, or does what harms nobody.
    """

    id: str
    key: str
    risk: str
    basic: bool = False


ROLES = (
    Role("62e90394-69f5-4237-9190-012177145e10", "global_administrator", "high"),
    Role("e8611ab8-c189-46e8-94e1-60213ab1f814", "privileged_role_administrator", "high"),
    Role("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "privileged_authentication_administrator", "high"),
    Role("fc8ad4e2-40e4-4724-8317-bcda7503ecbf", "customer_delegated_admin_relationship_administrator", "high"),
    Role("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "application_administrator", "high"),
    Role("158c047a-c907-4556-b7ef-446551a6b5f7", "cloud_application_administrator", "high"),
    Role("194ae4cb-b126-40b2-bd5b-6091b380977d", "security_administrator", "high"),
    Role("8329153b-31d0-4727-b945-745eb3bc5f31", "domain_name_administrator", "high"),
    Role("be2f45a1-457d-42af-a067-6ec1fa63bc45", "external_identity_provider_administrator", "high"),
    Role("3a2c62db-5318-420d-8d74-23affee5d9d5", "intune_administrator", "high"),
    Role("c4e39bd9-1100-46d3-8c65-fb160da0071f", "authentication_administrator", "high"),
    Role("0526716b-113d-4c15-b2c8-68e3c22b9f80", "authentication_policy_administrator", "high"),
    Role("fe930be7-5e62-47db-91af-98c3a49a38b1", "user_administrator", "medium"),
    Role("729827e3-9c14-49f7-bb1b-9608f156bbb8", "helpdesk_administrator", "medium", basic=True),
    Role("9360feb5-f418-4baa-8175-e2a00bac4301", "directory_writers", "medium"),
    Role("fdd7a751-b60b-444a-984c-02652fe8fa1c", "groups_administrator", "medium"),
    Role("29232cdf-9323-42fd-ade2-1d097af3e4de", "exchange_administrator", "medium"),
    Role("f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "sharepoint_administrator", "medium"),
    Role("69091246-20e8-4a56-aa4d-066075b2a7a8", "teams_administrator", "medium"),
    Role("44367163-eba1-44c3-98af-f5787879f96a", "dynamics_365_administrator", "medium"),
    Role("11648597-926c-4cf3-9c36-bcebb0ba8dcc", "power_platform_administrator", "medium"),
    Role("7698a772-787b-4ac8-901f-60d6b08affd2", "cloud_device_administrator", "medium"),
    Role("892c5842-a9a6-463a-8041-72aa08ca3cf6", "cloud_app_security_administrator", "medium"),
    Role("17315797-102d-40b4-93e0-432062caca18", "compliance_administrator", "medium"),
    Role("b0f54661-2d74-4c50-afa3-1ec803f12efe", "billing_administrator", "medium"),
    Role("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "license_administrator", "medium", basic=True),
    Role("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "global_reader", "low"),
    Role("5d6b6bb7-de71-4623-b4af-96380a352509", "security_reader", "low"),
    Role("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "directory_readers", "low", basic=True),
    Role("4a5d8f65-41da-4de4-8968-e035b65339cf", "reports_reader", "low", basic=True),
    Role("790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "message_center_reader", "low", basic=True),
    Role("f023fd81-a637-4b56-95fd-791ac0226033", "service_support_administrator", "low", basic=True),
)
BY_ID = {role.id: role for role in ROLES}
GLOBAL_ADMINISTRATOR = ROLES[0].id
HELPDESK_ADMINISTRATOR = next(role.id for role in ROLES if role.key == "helpdesk_administrator")
#: The roles that reset passwords here: what a partner's helpdesk uses, and all it uses of them.
RESETTING = frozenset(
    role.id for role in ROLES if role.key in {"global_administrator", "user_administrator", "helpdesk_administrator"}
)
#: What usual support needs, and no more.
BASIC = tuple(role.id for role in ROLES if role.basic)


def in_order(role_ids: Iterable[str]) -> tuple[str, ...]:
    """Template ids, each once, in the catalogue's order; unknown ones are dropped."""
    wanted = set(role_ids)
    return tuple(role.id for role in ROLES if role.id in wanted)
