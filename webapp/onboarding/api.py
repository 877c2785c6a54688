"""The API of adding customers: making one at once, and asking first whether domain and address will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Response, jsonify
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from webapp import actor as actors
from webapp import replays, rest, security
from webapp.access import Permission
from webapp.customers import queries as customers
from webapp.customers.schemas import shown
from webapp.forms import BaseForm
from webapp.onboarding import actions, queries, rules, schemas
from webapp.onboarding.forms import CompanyForm, ContactForm, DomainForm, PlaceForm, address_words, domain_words
from webapp.organizations.models import Organization
from webapp.organizations.rules import culture_of
from webapp.policies import queries as policies

blueprint = rest.Blueprint("onboarding_api", __name__, description="Adding customers.")

#: Where what the forms ask for stands in a new customer.
_PLACES = {
    "name": "billingProfile.companyName",
    "country": "billingProfile.defaultAddress.country",
    "language": "billingProfile.language",
    "address_line": "billingProfile.defaultAddress.addressLine1",
    "city": "billingProfile.defaultAddress.city",
    "region": "billingProfile.defaultAddress.state",
    "postal_code": "billingProfile.defaultAddress.postalCode",
    "phone": "billingProfile.defaultAddress.phoneNumber",
    "registration_number": "companyProfile.organizationRegistrationNumber",
    "domain": "companyProfile.domain",
    "given_name": "billingProfile.defaultAddress.firstName",
    "family_name": "billingProfile.defaultAddress.lastName",
    "address": "billingProfile.email",
}
_ONMICROSOFT = ".onmicrosoft.com"
F = TypeVar("F", bound=BaseForm)
V = TypeVar("V", bound=Callable[..., Any])


def _own() -> Organization:
    return queries.own_for(actors.signed_in())


# --- a new customer ----------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "POST", "/v1/customers", Permission.ADD_CUSTOMERS,
    body=schemas.NewCustomer, answers=schemas.CreatedCustomer, status=201, versioned=True,
    headers={"Location": "The customer's address."},
)  # fmt: skip
def create_customer(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create a customer, its first administrator and your relationship with it.

    Names, addresses and domains obey the same rules as on the pages. The customer is asked to accept the agreement here;
    where it accepted before, attest it afterwards. `userCredentials` stands in this answer only: sending the request again
    with the same `MS-RequestId` creates nothing and answers the same without it. The password is temporary, and signs in only
    together with a code that is mailed to the contact.

    The published client partnercenterservices expects an object where the password stands as text, and cannot read this
    first answer: the customer is made, and the same call with the same `MS-RequestId` is read without fault.

    Where you see a customer with the same name, domain or contact, the answer is 409 / 800060 and names it: if it is another
    one, send its id in `otherCustomers`. A domain or address that is taken is refused with 409, whoever has it. An indirect
    provider may name its reseller as `associatedPartnerId`; one that it does not work with is refused with 400 / 800016.
    """
    values = _checked(_values(body), _own()) | {"other": str(body["associated_partner_id"] or ""), "agreement": "ask"}
    made = actions.add(values, by=actors.signed_in(), others=set(body["other_customers"]))
    overview = customers.customer_for(actors.signed_in(), made.customer.id)
    assert overview is not None  # whoever creates a customer sees it
    answer = shown(overview) | {"enable_gdap_by_default": False}
    replays.without(schemas.CreatedCustomer().dumps(answer).encode())
    security.one_time_secret()
    credentials = {"user_credentials": {"user_name": made.contact.address, "password": made.password}}
    headers = {
        "ETag": rest.quoted(answer["attributes"]["etag"]),
        "Location": f"/v1/customers/{made.customer.id}",
    }
    return answer | credentials, 201, headers


def _values(body: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, by the names of the forms' fields."""
    billing, company = body["billing_profile"], body["company_profile"]
    address = billing["default_address"]
    language = (billing["language"] or billing["culture"] or "en")[:2].casefold()
    return _place(address) | {
        "name": billing["company_name"],
        "country": address["country"].upper(),
        "language": language if language == "ja" else "en",
        "registration_number": company["organization_registration_number"] or "",
        "domain": company["domain"],
        "given_name": address["first_name"] or billing["first_name"] or "",
        "family_name": address["last_name"] or billing["last_name"] or "",
        "address": billing["email"],
    }


def _place(address: Mapping[str, Any]) -> dict[str, str]:
    lines = (address["address_line1"], address["address_line2"] or "")
    return {
        "address_line": ", ".join(line for line in lines if line),
        "city": address["city"] or "",
        "region": address["state"] or "",
        "postal_code": address["postal_code"] or "",
        "phone": address["phone_number"] or "",
    }


def _checked(values: Mapping[str, Any], own: Organization) -> dict[str, Any]:
    """Values as they are kept. Raises ApiError with everything that the forms find wrong, and what is not free."""
    company = _filled(CompanyForm, values).offer(policies.value("countries.served"), own, [])
    forms: list[BaseForm] = [company, _filled(DomainForm, values), _filled(ContactForm, values)]
    country = values["country"]
    if country in policies.value("countries.served"):
        forms.insert(1, _filled(PlaceForm, values).within(country))
    faults = [(name, str(each)) for form in forms for name, each in _faults(form)]
    if faults:
        raise _wrong(faults, values)
    kept = {name: value or "" for form in forms for name, value in form.data.items()}
    domain, address = queries.domain_fault(own, kept["domain"]), queries.address_fault(own, kept["address"])
    unusable = [("domain", domain_words(domain))] if domain else []
    unusable += [("address", address_words(address, own.name))] if address else []
    if unusable:
        status, code = (409, 800060) if {domain, address} <= {None, "taken", "used"} else (400, 800002)
        said = _("Domain or address of the new customer cannot be used.")
        raise rest.ApiError(status, code, said, *(f"{_PLACES[name]}: {words}" for name, words in unusable))
    return kept


def _filled(kind: type[F], values: Mapping[str, Any]) -> F:
    """A form as if the page had been filled in with these values."""
    return kind(formdata=MultiDict(values), meta={"csrf": False})


def _faults(form: BaseForm) -> list[tuple[str, str]]:
    return [] if form.validate() else [(name, str(each)) for name, errors in form.errors.items() for each in errors]


def _wrong(faults: list[tuple[str, str]], values: Mapping[str, Any]) -> rest.ApiError:
    """The error that names all of them; a registration number alone has codes of its own."""
    code = 2000
    if {name for name, _words in faults} == {"registration_number"}:
        code = 600050 if values["registration_number"] else 600049
    return rest.ApiError(
        400,
        code,
        _("Some values of the new customer cannot be taken."),
        *(f"{_PLACES[name]}: {words}" for name, words in faults),
    )


# --- domains -----------------------------------------------------------------------------------------------------


def _fault_of(domain: str) -> str | None:
    kept = rules.host_of(domain)
    if kept is None:
        raise rest.ApiError(400, 2000, _("This is no domain that a customer can have."), "domain")
    return queries.domain_fault(_own(), kept)


def _answers_flag(view: V) -> V:
    """Document a view's answer as true or false: there is no schema of ours that is no object."""
    content = {"application/json": {"schema": {"type": "boolean"}}}
    documented: V = blueprint.doc(responses={200: {"content": content}})(view)
    return documented


@rest.operation(blueprint, "HEAD", "/v1/domains/<domain>", Permission.ADD_CUSTOMERS)
def check_domain(domain: str) -> None:
    """Ask whether a domain is taken.

    200: a new customer cannot have it; 404: it is free. Neither answer has a body. It does not say whose it is.
    """
    if _fault_of(domain) is None:
        raise rest.ApiError(404, 1000, _("This domain is free."))


@rest.operation(
    blueprint, "GET", "/v1/validations/checkdomainavailability/<domain_prefix>", Permission.ADD_CUSTOMERS,
)  # fmt: skip
@_answers_flag
def check_domain_availability(domain_prefix: str) -> Response:
    """Ask whether a domain is free: true or false.

    A name without a dot means one below onmicrosoft.com. Programs that are new should ask `HEAD /v1/domains/{domain}`.
    """
    domain = domain_prefix if "." in domain_prefix else domain_prefix + _ONMICROSOFT
    return jsonify(_fault_of(domain) is None)


# --- addresses ---------------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "POST", "/v1/validations/address", Permission.USE_API,
    body=schemas.GivenAddress, answers=schemas.AddressValidation,
)  # fmt: skip
def validate_address(body: dict[str, Any]) -> dict[str, Any]:
    """Ask whether an address will do for a customer.

    It is checked by the rules of this service alone: what an address in its country has, and how codes are written. Nobody
    looks whether there is such a street, so that no address is ever called VerifiedShippable or partial.
    """
    country, values = body["country"].upper(), _place(body)
    names = {"first_name": body["first_name"] or "", "last_name": body["last_name"] or ""}
    original = _address(country, values) | names
    answer: dict[str, Any] = {"original_address": original, "suggested_addresses": []}
    form = _filled(PlaceForm, values).within(country)
    if "registration_number" in form:
        del form.registration_number
    faults = _faults(form)
    if faults:
        told = [f"{_PLACES[name].rpartition('.')[2]}: {words}" for name, words in faults]
        return answer | {"status": "None", "validation_message": " ".join(told)}
    if not rules.is_checked(country):
        return answer | {"status": "NotValidated"}
    kept = _address(country, {name: value or "" for name, value in form.data.items()}) | names
    status = "Verified" if kept == original else "InteractionRequired"
    return answer | {"suggested_addresses": [kept], "status": status}


def _address(country: str, values: Mapping[str, str]) -> dict[str, str]:
    return {
        "country": country,
        "city": values.get("city", ""),
        "state": values.get("region", ""),
        "address_line1": values["address_line"],
        "postal_code": values["postal_code"],
        "phone_number": values["phone"],
    }


@rest.operation(
    blueprint, "GET", "/v1/countryvalidationrules/<country>", Permission.USE_API,
    answers=schemas.CountryValidationRules,
)  # fmt: skip
def country_rules(country: str) -> dict[str, Any]:
    """Read what an address in a country has.

    404 / 1000 for a country in which this service is not offered. The country is its code of two letters, like US.
    """
    code = country.upper()
    if code not in policies.value("countries.served"):
        raise rest.ApiError(404, 1000, _("This service is not offered in that country."), "country")
    return {
        "iso2_code": code,
        "default_culture": culture_of("ja" if code == "JP" else "en"),
        "is_state_required": code in rules.REGIONS,
        "supported_states_list": list(rules.REGIONS.get(code, ())),
        "supported_languages_list": ["en", "ja"],
        "supported_cultures_list": [culture_of("en"), culture_of("ja")],
        "is_postal_code_required": rules.postal_code_needed(code),
        "postal_code_regex": rules.postal_code_pattern(code),
        "is_city_required": code not in rules.NO_CITY,
        "phone_number_regex": f"^(?:{rules.PHONE_PATTERN})$",
        "is_vat_id_supported": False,
        "is_tax_id_supported": False,
        "is_registration_number_supported": rules.needs_number(code),
        "attributes": rest.attributes("CountryInformation"),
    }
