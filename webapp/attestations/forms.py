"""The shape of an attestation as a partner types it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from babel.lists import format_list
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.multipart import Data, MultipartDecoder, Preamble
from werkzeug.sansio.multipart import Field as Part
from wtforms import BooleanField, Field, FileField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Optional, ValidationError

from webapp import languages, pages
from webapp.agreements import queries as agreements
from webapp.agreements.models import AgreementText
from webapp.agreements.rules import SIGNATORY, AgreedInFuture, NoTextOnDay, SameAttestation, Signatory
from webapp.attestations.rules import ENDINGS, LARGEST, LONGEST_PHONE, LONGEST_REQUEST, ProofRefused, phone_of
from webapp.errors import Refusal
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.invitations.forms import DayField
from webapp.organizations.models import Organization
from webapp.organizations.rules import AddressOfPartner

#: What `AttestationForm.refuse` has words for; any other refusal has its page.
ON_FIELDS = (AgreedInFuture, NoTextOnDay, SameAttestation, AddressOfPartner)


class PhoneField(StringField):
    """A telephone number in any spelling; empty for none."""

    def __init__(self, label: Any = None, **options: Any) -> None:
        super().__init__(label, [Optional(), at_most(LONGEST_PHONE), _a_number], **options)


def _a_number(_form: BaseForm, field: Field) -> None:
    try:
        field.data = phone_of(field.data or "")
    except ValueError:
        raise ValidationError(_l("Enter a telephone number, like +81 3 1234 5678.")) from None


class AttestationForm(BaseForm):
    """Who agreed for the customer, and when. The page that holds it says for which customer.

    `agreed_on` is the customer's day. In Japanese the family name comes first.
    """

    given_name = StringField(_l("First name"), [*required(_l("Enter the first name.")), at_most(100)])
    family_name = StringField(_l("Last name"), [*required(_l("Enter the last name.")), at_most(100)])
    email = AddressField(_l("Email address"))
    phone = PhoneField(_l("Telephone number"))
    agreed_on = DayField(_l("Date of acceptance"), required(_l("Enter the date of acceptance.")))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ("family_name", "given_name") if languages.language() == "ja" else ("given_name", "family_name")
        for name in (*names, "email", "phone", "agreed_on"):  # as the page shows them
            self._fields[name] = self._fields.pop(name)

    @classmethod
    def begin(cls, today: date, known: Mapping[str, str] | None = None) -> AttestationForm:
        """An empty form, or one filled with what is `known` by the names of SIGNATORY; the day is the customer's today."""
        return cls(formdata=None, agreed_on=today, **{k: v for k, v in (known or {}).items() if k in SIGNATORY})

    def signatory(self) -> Signatory:
        """Who agreed, of a valid form."""
        return Signatory(
            self.given_name.data or "", self.family_name.data or "", self.email.data or "", self.phone.data or ""
        )

    def checked(self, partner: Organization, customer: Organization) -> AgreementText | None:
        """The text that a valid form would attest; None when a field is refused, which the form then says.

        Raises ResellerCannotAttest, AttestationClosed, NotTheSeller, NobodyToTell: these have pages.
        """
        assert self.agreed_on.data is not None
        try:
            return agreements.check_attestation(
                partner, customer, self.signatory(), self.agreed_on.data, languages.language()
            )
        except ON_FIELDS as refusal:
            self.refuse(refusal)
            return None

    def refuse(self, refusal: Refusal) -> bool:
        """Say a refusal where it can be repaired: on its field, or above the form. False for one that has a page only."""
        if isinstance(refusal, SameAttestation):
            self.form_errors.append(_same_words(refusal))
        elif isinstance(refusal, AgreedInFuture | NoTextOnDay):
            self.agreed_on.errors = [*self.agreed_on.errors, _day_words(refusal)]
        elif isinstance(refusal, AddressOfPartner):
            words = _(
                "This address lies in the hands of %(partner)s. Name the person at the customer who accepted, with an"
                " address of the customer's.",
                partner=refusal.partner,
            )
            self.email.errors = [*self.email.errors, words]
        else:
            return False
        return True


class ShownForm(AttestationForm):
    """What was entered, on a page that shows what is attested: `fingerprint` of that, and `parts` to tell what changed."""

    fingerprint = HiddenField(validators=[at_most(64)])
    parts = HiddenField(validators=[at_most(2000)])

    def carry(self, fingerprint: str, parts: Mapping[str, str]) -> None:
        """Let the form carry what is shown now."""
        self.fingerprint.data = fingerprint
        self.parts.data = json.dumps(parts, sort_keys=True, separators=(",", ":"))

    def parts_before(self) -> dict[str, str]:
        """What the form says was shown: it only serves to tell what changed."""
        try:
            found: Any = json.loads(self.parts.data or "{}")
        except ValueError:
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


class ConfirmationForm(ShownForm):
    """What was entered, the two boxes whose words become evidence, the fingerprint of what was shown, and a file."""

    agreed = BooleanField(validators=[DataRequired(_l("Tick the box if this is so."))])
    told = BooleanField(validators=[DataRequired(_l("Tick the box when you have read this."))])
    proof = FileField(_l("Proof of the acceptance (optional)"))

    def ask(self, boxes: Mapping[str, str]) -> ConfirmationForm:
        """Give the boxes their literal words."""
        for name, words in boxes.items():
            self[name].label.text = words
        return self

    def show(self, fingerprint: str, parts: Mapping[str, str]) -> ConfirmationForm:
        """Let the form carry what is shown now; what was said of something else is not said of this."""
        self.carry(fingerprint, parts)
        self.agreed.data = self.told.data = False
        return self

    def refuse_proof(self, refusal: ProofRefused) -> None:
        """Say beside the file why it is not kept."""
        self.proof.errors = [*self.proof.errors, proof_words(refusal)]

    def ask_for_file_again(self) -> None:
        """Say that a browser does not send a file twice by itself."""
        self.proof.errors = [
            *self.proof.errors, str(_("Choose the file again. A browser does not keep it when a page comes back."))
        ]  # fmt: skip


def proof_words(refusal: ProofRefused) -> str:
    """Why a file is not kept, by its name."""
    name = refusal.file
    if refusal.why == "large":
        return str(_("The file is larger than %(most)s MB. Choose a smaller one.", most=LARGEST // 1024**2))
    if refusal.why == "empty":
        return str(_("The file “%(name)s” is empty. Choose another one.", name=name))
    if refusal.why == "renamed":
        return str(
            _(
                "The name of the file “%(name)s” does not fit what is in it: its name would have to end in %(ending)s."
                " Rename it, or choose another file.",
                name=name,
                ending=ENDINGS[refusal.found][0],
            )
        )
    if refusal.why == "double":
        return str(
            _(
                "The file “%(name)s” holds something else beside what it shows. Save it anew, for example as a PDF, and"
                " choose that file.",
                name=name,
            )
        )
    return str(
        _("The file “%(name)s” is no PDF, PNG, JPEG or EML file. Choose a file of one of these types.", name=name)
    )


def typed_in(piece: bytes, boundary: bytes) -> MultiDict[str, str]:
    """The fields of a form in a piece of its body, which begins with the mark of a part, up to a file."""
    found: MultiDict[str, str] = MultiDict()
    decoder, name, value = MultipartDecoder(boundary, max_parts=50), "", bytearray()
    decoder.receive_data(piece)
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, Part):
                name, value = event.name, bytearray()
            elif isinstance(event, Data) and name:
                value += event.data
                if not event.more_data:
                    found.add(name, value.decode("utf-8", "replace"))
                    name = ""
            elif not isinstance(event, Preamble):
                return found
    except (ValueError, HTTPException):
        return found


class RequestForm(BaseForm):
    """What an indirect reseller writes to its provider. `provider` has choices where there are several."""

    provider = RadioField(_l("Which provider?"), validate_choice=False)
    words = TextAreaField(_l("Your message"), [*required(_l("Enter a message.")), at_most(LONGEST_REQUEST)])

    def offer(self, providers: Sequence[Organization]) -> RequestForm:
        """Offer these providers by name; one alone is chosen."""
        self.provider.choices = [SelectChoice(str(each.id), each.name) for each in providers]
        if len(providers) == 1:
            self.provider.data = str(providers[0].id)
        return self

    def validate_provider(self, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(_l("Choose a provider."))


def _day_words(refusal: AgreedInFuture | NoTextOnDay) -> str:
    if isinstance(refusal, AgreedInFuture):
        today = pages.day_text(refusal.today)
        words = _("The date of acceptance cannot lie in the future. For the customer it is %(today)s.", today=today)
    elif refusal.first is None:
        words = _("No agreement was published for %(country)s.", country=pages.country_name(refusal.country))
    else:
        words = _(
            "No version of the agreement was in force in %(country)s on that day. The first took effect on %(first)s.",
            country=pages.country_name(refusal.country),
            first=pages.day_text(refusal.first),
        )
    return str(words)


def _same_words(refusal: SameAttestation) -> str:
    labels = {
        "given_name": _("first name"),
        "family_name": _("last name"),
        "email": _("email address"),
        "phone": _("telephone number"),
    }
    if not refusal.equal:
        return str(_("This was attested already. Nothing was saved a second time."))
    fields = format_list([labels[each] for each in refusal.equal], locale=get_locale() or "en")
    return str(
        _(
            "The following are the same as in the attestation that %(partner)s saved on %(at)s: %(fields)s. That"
            " attestation stands. Change what is different, or leave it as it is.",
            partner=refusal.by,
            at=pages.moment_text(refusal.at),
            fields=fields,
        )
    )
