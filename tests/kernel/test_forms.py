"""Text is kept as it was typed, or refused: normalised, readable, not blank."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from flask import Flask
from wtforms import PasswordField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from webapp import forms
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, clean, is_blank, required


class Sample(BaseForm):
    line = StringField("Line", required("Enter a line."))
    named = StringField("Named", validators=[*required("Enter a name."), at_most(5)])
    note = TextAreaField("Note", [Optional()])
    hidden = HiddenField()
    secret = PasswordField("Secret")


class Addressed(BaseForm):
    address = AddressField("Address")


@pytest.fixture
def plain() -> Flask:
    """An application without a database."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x", WTF_CSRF_ENABLED=False)
    from webapp.extensions import babel

    babel.init_app(app)
    return app


def filled(app: Flask, form: type[BaseForm] = Sample, **values: str) -> Any:
    data = {"line": "x", "named": "x"} | values if form is Sample else values
    with app.test_request_context(method="POST", data=data):
        made = form()
        made.ok = made.validate()
        made.said = {name: [str(each) for each in found] for name, found in made.errors.items()}
        return made


KEPT = {
    "山田 太郎": "山田 太郎",
    "  outer blanks \u3000": "outer blanks",
    "e\u0301": "é",
    "が": unicodedata.normalize("NFC", "か\u3099"),
    "👩‍👩‍👧‍👦 family": "👩‍👩‍👧‍👦 family",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": (
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    ),
    "☎️ ✈︎": "☎️ ✈︎",
    "葛\U000e0100城": "葛\U000e0100城",
    "نمی‌خواهم": "نمی‌خواهم",
    "שלום": "שלום",
    "𠮷野家": "𠮷野家",
    "<b>&amp;</b>": "<b>&amp;</b>",
    "O’Neill – “Co”": "O’Neill – “Co”",
    "a\u00a0b": "a\u00a0b",
    "½ ｆｕｌｌ": "½ ｆｕｌｌ",  # NFC, not NFKC: what was typed stays
}


@pytest.mark.parametrize(("typed", "kept"), KEPT.items())
def test_what_can_be_read_is_kept_faithfully(plain: Flask, typed: str, kept: str) -> None:
    form = filled(plain, line=typed, note=typed, hidden=typed)
    assert form.ok, form.said
    assert (form.line.data, form.note.data, form.hidden.data) == (kept, kept, kept)
    assert clean(kept) == kept


HIDDEN = "\u00ad\u034f\u061c\u115f\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202d\u202e\u2060\u2063\u2066\u2069\u3164\ufeff\uffa0\ufff9\U000e0041\U000e0001"


@pytest.mark.parametrize("character", HIDDEN)
def test_characters_that_reorder_or_hide_are_refused_everywhere(plain: Flask, character: str) -> None:
    form = filled(plain, line=f"a{character}b", note=f"a{character}b", hidden=f"a{character}b")
    assert {"line", "note", "hidden"} <= set(form.said)
    assert "reading direction" in form.said["line"][0]


@pytest.mark.parametrize("character", ["\0", "\x01", "\x07", "\x08", "\x0b", "\x1b", "\x7f", "\x80", "\x9f"])
def test_control_characters_are_refused_everywhere(plain: Flask, character: str) -> None:
    form = filled(plain, line=f"a{character}b", note=f"a{character}b", hidden=f"a{character}b")
    assert form.said == {name: ["Remove the control characters."] for name in ("line", "note", "hidden")}


@pytest.mark.parametrize("breaks", ["\r\n", "\r", "\n"])
def test_line_breaks_become_one_kind_and_stay_out_of_single_lines(plain: Flask, breaks: str) -> None:
    form = filled(plain, note=f"one{breaks}two\tthree{breaks}")
    assert form.ok
    assert form.note.data == "one\ntwo\tthree"
    assert "line" in filled(plain, line=f"one{breaks}two").said
    assert "line" in filled(plain, line="one\ttwo").said


@pytest.mark.parametrize(
    "blank",
    [
        "",
        " ",
        "\u3000\u3000",
        "\t",
        "\r\n",
        "\u00a0",
        "\u2003",
        "\u200d",
        "\u200c",
        "\ufe0f",
        "\u2800",
        "\u3164",
        "\u200b",
    ],
)
def test_what_shows_nothing_does_not_fill_a_required_field(plain: Flask, blank: str) -> None:
    form = filled(plain, line=blank, named=blank)
    assert form.said["line"] == ["Enter a line."]
    assert form.said["named"] == ["Enter a name."]
    assert is_blank(blank)


def test_a_form_is_as_strict_the_second_time(plain: Flask) -> None:
    for _ in range(3):
        form = filled(plain, line="", named="", note="a\x07b")
        assert set(form.said) == {"line", "named", "note"}
        assert "named" in filled(plain, named="too long for five").said


def test_validators_given_by_place_or_by_name_are_all_asked(plain: Flask) -> None:
    class Both(BaseForm):
        first = StringField("First", [Length(min=3)])
        second = StringField("Second", validators=[Length(min=3)], filters=[str.upper])

    form = filled(plain, Both, first="ab", second="ab\u202e")
    assert set(form.said) == {"first", "second"}
    assert len(form.said["second"]) == 1 or "reading direction" in form.said["second"][-1]
    assert filled(plain, Both, first="abc", second="abc").second.data == "ABC"


def test_passwords_are_left_as_they_were_typed(plain: Flask) -> None:
    assert filled(plain, secret="  e\u0301 \u202e ").secret.data == "  e\u0301 \u202e "


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("me@customer.example", "me@customer.example"),
        ("  Me.Too+tag@Customer.Example ", "Me.Too+tag@customer.example"),
        ("me@xn--r8jz45g.example", "me@例え.example"),
        ("me@例え.example", "me@例え.example"),
    ],
)
def test_an_address_of_the_usual_shape_is_kept(plain: Flask, typed: str, kept: str) -> None:
    form = filled(plain, Addressed, address=typed)
    assert form.ok, form.said
    assert form.address.data == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "me", "me@", "@customer.example", "me@customer", "a b@customer.example", "me@customer.example, you@x.example",
        "me@customer.example\nBcc: you@x.example", "me@customer.example\r\n.", "<me@customer.example>", "me@exa mple.example",
        "Me <me@customer.example>", "me@customer..example", "me\0@customer.example", "me\u202e@customer.example",
        "佐藤@customer.example", "me@" + "a" * 250 + ".example", "me@[127.0.0.1]", '"a b"@customer.example',
    ],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(plain: Flask, typed: str) -> None:
    form = filled(plain, Addressed, address=typed)
    assert not form.ok
    assert len(form.said["address"]) == 1


def test_the_kernel_exports_what_slices_use() -> None:
    assert all(hasattr(forms, name) for name in forms.__all__)
