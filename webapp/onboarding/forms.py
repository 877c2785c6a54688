"""The shape of what a partner types about a new customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from babel import Locale
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, RadioField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from webapp import languages
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.invitations.forms import DayField
from webapp.languages import LANGUAGES
from webapp.onboarding import rules
from webapp.organizations.models import Organization


class _Offered:
    """Validator: one of the choices that were shown."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: BaseForm, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(self.message)


class CompanyForm(BaseForm):
    """Name, country and language; who sells, where the partner has others to sell with."""

    name = StringField(_l("Company name"), required(_l("Enter the company's name.")))
    country = SelectField(
        _l("Country or region"), [_Offered(_l("Choose a country or region."))], validate_choice=False, choices=[]
    )
    language = RadioField(
        _l("Language of the customer"),
        [_Offered(_l("Choose a language."))],
        validate_choice=False,
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
    )
    other = SelectField(
        _l("Who sells to the customer?"), [_Offered(_l("Choose one of the partners shown."))], validate_choice=False,
        choices=[],
    )  # fmt: skip

    def offer(self, served: list[str], own: Organization, others: Sequence[Organization]) -> CompanyForm:
        """Offer the served countries by name, and the partners to sell with; `other` goes where there is no choice."""
        locale = get_locale() or Locale("en")
        names = sorted((str(locale.territories.get(code, code)), code) for code in served)
        self.country.choices = [SelectChoice(code, name) for name, code in names]
        is_reseller = own.programme == "indirect_reseller"
        if not others or (is_reseller and len(others) == 1):
            del self.other
            return self
        first = SelectChoice("", _("%(partner)s directly", partner=own.name))
        self.other.choices = [*([] if is_reseller else [first]), *(SelectChoice(str(o.id), o.name) for o in others)]
        if is_reseller:
            self.other.label.text = _("Your indirect provider")
        return self

    def validate_name(self, field: StringField) -> None:
        faults = {
            "long": _l("Use 200 characters or fewer."),
            "blank": _l("Enter a name with letters or digits, not only special characters."),
            "one": _l("Enter the whole name: one character is too short."),
            "form": _l("Enter the name, not only its legal form."),
        }
        fault = rules.name_fault(field.data or "")
        if fault is not None:
            raise ValidationError(faults[fault])


class PlaceForm(BaseForm):
    """An address by the rules of its country, and the registration number where one is needed."""

    address_line = StringField(_l("Street address"), [*required(_l("Enter the street address.")), at_most(rules.LINE)])
    city = StringField(_l("City"), [*required(_l("Enter the city.")), at_most(rules.CITY)])
    region = StringField(_l("Region"), [at_most(100)])
    postal_code = StringField(_l("Postal code"), [at_most(30)])
    phone = StringField(_l("Telephone number"), [at_most(60)])
    registration_number = StringField(_l("Organization registration number"), [at_most(60)])
    country = ""

    def within(self, country: str) -> PlaceForm:
        """Ask what an address in this country has, in its order."""
        self.country = country
        if country in rules.NO_CITY:
            del self.city
        if country not in rules.REGIONS:
            del self.region
        else:
            words = {"JP": _l("Prefecture"), "CA": _l("Province or territory")}
            self.region.label.text = words.get(country, _l("State or territory"))
        if not rules.needs_number(country):
            del self.registration_number
        order = ("address_line", "city", "region", "postal_code")
        for name in (*(order[::-1] if country == "JP" else order), "phone", "registration_number"):
            if name in self._fields:
                self._fields[name] = self._fields.pop(name)
        return self

    def validate_region(self, field: StringField) -> None:
        kept = rules.region_of(self.country, field.data or "")
        if not kept:
            example = rules.REGION_EXAMPLES[self.country]
            raise ValidationError(
                _("Enter a state, province or prefecture of this country, for example %(example)s.", example=example)
            )
        field.data = kept

    def validate_postal_code(self, field: StringField) -> None:
        if not field.data and not rules.postal_code_needed(self.country):
            return
        kept = rules.postal_code_of(self.country, field.data or "")
        if kept is None:
            example = rules.POSTAL_EXAMPLES.get(self.country, "1234-567")
            raise ValidationError(
                _("Enter a postal code as this country writes it, for example %(example)s.", example=example)
            )
        field.data = kept

    def validate_phone(self, field: StringField) -> None:
        if not field.data:
            return
        kept = rules.phone_of(field.data)
        if kept is None:
            raise ValidationError(_l("Enter a telephone number, like +81 3 1234 5678."))
        field.data = kept

    def validate_registration_number(self, field: StringField) -> None:
        kept = rules.number_of(field.data or "")
        if kept is None:
            raise ValidationError(_l("Enter the registration number: letters and digits, 40 at most."))
        field.data = kept


def domain_words(fault: str) -> str:
    """Why a domain cannot be a new customer's: `queries.domain_fault` in words."""
    if fault == "own":
        return str(_("This is a domain of your own organization. Enter one of the customer's."))
    return str(_("This domain is taken. Enter another one of the customer's."))


def address_words(fault: str, partner: str) -> str:
    """Why an address cannot be a contact's: `queries.address_fault` in words; `partner` is the reader's own name."""
    words = {
        "microsoft": lambda: _("This is an address of Microsoft's. Enter one of the customer's."),
        "own": lambda: _(
            "This address lies in the hands of %(partner)s. Somebody of the customer proves itself with a mailbox that no"
            " partner reads: enter one of the customer's.",
            partner=partner,
        ),
        "partner": lambda: _(
            "This address lies in the hands of a partner. Somebody of the customer proves itself with a mailbox that no"
            " partner reads: enter one of the customer's."
        ),
        "used": lambda: _("This address cannot be used for a new customer. Enter another one of the customer's."),
    }
    return str(words[fault]())


class DomainForm(BaseForm):
    """The customer's domain."""

    domain = StringField(_l("Domain of the customer"), [*required(_l("Enter a domain.")), at_most(300)])

    def validate_domain(self, field: StringField) -> None:
        kept = rules.host_of(field.data or "")
        if kept is None:
            raise ValidationError(
                _l("Enter a domain of the customer's own, like contoso.example. Public mail services have none.")
            )
        field.data = kept


def _by_language(form: BaseForm) -> None:
    names = ("family_name", "given_name") if languages.language() == "ja" else ("given_name", "family_name")
    for name in (*names, "address"):  # as the page shows them
        form._fields[name] = form._fields.pop(name)


class ContactForm(BaseForm):
    """The customer's first administrator. In Japanese the family name comes first."""

    given_name = StringField(_l("First name"), [*required(_l("Enter the first name.")), at_most(rules.PERSON)])
    family_name = StringField(_l("Last name"), [*required(_l("Enter the last name.")), at_most(rules.PERSON)])
    address = AddressField(_l("Email address"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _by_language(self)


class AgreementForm(BaseForm):
    """How the customer comes to the agreement; the words of the box are set per customer."""

    agreement = RadioField(
        _l("How does the customer accept the agreement?"),
        [_Offered(_l("Choose how the customer accepts the agreement."))],
        validate_choice=False,
        choices=[
            SelectChoice("ask", _l("The customer will be asked to accept it here")),
            SelectChoice("attest", _l("The customer has accepted it, and we attest that")),
        ],
    )
    attested = BooleanField()
    agreed_on = DayField(_l("Date of acceptance"))

    def validate_attested(self, field: BooleanField) -> None:
        if self.agreement.data == "attest" and not field.data:
            raise ValidationError(_l("Tick the box if you attest it."))

    def validate_agreed_on(self, field: DayField) -> None:
        if self.agreement.data == "attest" and field.data is None and not field.errors:
            raise ValidationError(_l("Enter the date of acceptance."))


class CreateForm(BaseForm):
    """The last button; it carries what the page showed."""

    fingerprint = HiddenField(validators=[at_most(64)])


class CorrectContactForm(BaseForm):
    """Another address of the contact."""

    address = AddressField(_l("Correct email address"))
