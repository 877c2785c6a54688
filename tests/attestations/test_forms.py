"""What the form of an attestation says of the same attestation before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from webapp.agreements.rules import SIGNATORY, SameAttestation
from webapp.attestations.forms import AttestationForm

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("equal", "at", "by", "words"),
    [
        (SIGNATORY, THEN, "Northwind", "that Northwind saved on 1 May 2026, 12:00pm (Coordinated"),
        (SIGNATORY, THEN, "Northwind", "first name, last name, email address, and telephone number. That attestation"),
        (SIGNATORY[:3], THEN, "Northwind", "first name, last name, and email address. That attestation stands."),
        ((), None, "", "This was attested already."),
    ],
)
def test_which_fields_are_equal_is_said_and_who_attested_them(
    app: Flask, equal: tuple[str, ...], at: datetime | None, by: str, words: str
) -> None:
    with app.test_request_context(base_url="http://localhost"):
        form = AttestationForm(formdata=None)
        assert form.refuse(SameAttestation(equal=equal, at=at, by=by))
        (said,) = form.form_errors
        assert words in str(said)
