"""Reading files: encodings, separators, columns, limits, hostile XLSX; and what is written is read again."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from webapp.customers.rules import FORMULA
from webapp.imports import rules, schemas
from webapp.imports.rules import COLUMNS_OF, FileFault

NAMES = "顧客,名,姓,メールアドレス,電話番号,同意日"
ROW = "contoso.example,①,髙﨑,a@contoso.example,,2026年11月20日"
WANTED = {
    "customer": "contoso.example", "given_name": "①", "family_name": "髙﨑", "email": "a@contoso.example", "phone": "",
    "agreed_on": "2026年11月20日",
}  # fmt: skip


def faults(content: bytes, kind: str = "attestations", limit: int = 100) -> list[str]:
    """The codes of what is wrong with a file."""
    with pytest.raises(FileFault) as found:
        schemas.read(content, kind, limit)
    return [code for code, _facts in found.value.faults]


def invited(content: bytes, limit: int = 100) -> list[tuple[int, str]]:
    """Number and customer of each row of a file of invitations."""
    return [(line.number, line.values["customer"]) for line in schemas.read(content, "invitations", limit).lines]


@pytest.mark.parametrize(
    ("encoding", "separator", "line"),
    [
        ("utf-8", ",", "\r\n"),
        ("utf-8-sig", ",", "\n"),
        ("cp932", ",", "\r\n"),
        ("utf-8", ";", "\n"),
        ("utf-8-sig", "\t", "\r\n"),
        ("cp932", "\t", "\n"),
        ("cp932", ";", "\r\n"),
        ("utf-8", ",", "\r"),
    ],
)
def test_each_encoding_and_separator_is_read(encoding: str, separator: str, line: str) -> None:
    text = line.join([NAMES, ROW, ""]).replace(",", separator)
    (found,) = schemas.read(text.encode(encoding), "attestations", 10).lines
    assert (found.number, found.values) == (2, WANTED)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n\r\n", "empty_file"),
        (f"{NAMES}\n{ROW}\n".encode("utf-16"), "utf16"),
        (f"{NAMES}\n{ROW}\n".encode("utf-16-be"), "utf16"),
        (b"Customer\nx\0y\n" + b"z" * 40, "binary"),
        (b"Customer\n\xff\xfd\xa0\n", "encoding"),
        (b'Customer\n"x\n', "quotes"),
        (b'Customer\n"x"y\n', "quotes"),
        (b"\nCustomer\nx\n", "no_heading"),
        (b"Customer\n\n , \n", "no_rows"),
        (b"Customer\n", "no_rows"),
        (b"Language\nja\n", "columns_missing"),
        ("Customer,顧客\nx,y\n".encode(), "columns_twice"),
        (b"Customer,customer\nx,y\n", "columns_twice"),
        (b"Customer" + b",x" * 50 + b"\ny\n", "too_many_columns"),
        (b"Customer\n" + b"x" * 2001 + b"\n", "long_cell"),
        (b"\xd0\xcf\x11\xe0" + b"\1" * 600, "old_excel"),
        (b"PK\3\4nothing", "unreadable_xlsx"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(content: bytes, code: str) -> None:
    assert faults(content, "invitations") == [code]


def test_missing_and_doubled_columns_are_told_together() -> None:
    assert faults(b"Last name,Last name,Email\nx,y,z\n") == ["columns_twice", "columns_missing"]


def test_blank_lines_are_passed_over_and_numbers_are_those_of_the_file() -> None:
    assert invited(b"Customer\n\na\n , \nb\n\n") == [(3, "a"), (5, "b")]


def test_quoted_cells_may_hold_separators_quotes_and_lines() -> None:
    (first, second) = invited(b'Customer,Note\n"A, ""B"" Ltd.","x\ny"\nC,\n')
    assert (first, second) == ((2, 'A, "B" Ltd.'), (3, "C"))


def test_short_rows_and_columns_in_any_order_are_read() -> None:
    found = schemas.read(b"Language,Other,CUSTOMER_DOMAIN*\nja,x,a.example\n\nen\n", "invitations", 10)
    assert [line.values["customer"] for line in found.lines] == ["a.example", ""]
    assert found.ignored == ["Other"]


@pytest.mark.parametrize(
    "heading", ["Email address", "email_address", "E-MAIL", "メールアドレス", "メール アドレス", "ｅｍａｉｌ*"]
)
def test_a_column_may_be_called_what_people_call_it(heading: str) -> None:
    assert schemas.columns_by_heading("attestations")[schemas._folded(heading)] == "email"


def test_more_rows_than_allowed_are_refused() -> None:
    assert len(invited(b"Customer\n" + b"x\n" * 100)) == 100
    assert faults(b"Customer\n" + b"x\n" * 101, "invitations") == ["too_many_rows"]


def test_a_file_that_is_too_large_is_refused() -> None:
    assert faults(b"x" * (rules.FILE_BYTES + 1)) == ["too_large"]


# --- XLSX ------------------------------------------------------------------------------------------------------


def book(*rows: list[Any]) -> bytes:
    """An XLSX file with these rows."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """A packed file with one part put in another's place, or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            if each.filename != name:
                new.writestr(each.filename, old.read(each.filename))
        new.writestr(name, part)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def sheet(rows: str, more: str = "") -> bytes:
    """A sheet's own XML."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?>{more}<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def test_days_numbers_and_formulas_of_a_sheet_become_text() -> None:
    content = book(
        ["Customer", "Last day", "Recipient", "Language"],
        ["a.example", date(2027, 3, 31), 8012345678, "=HYPERLINK(A1)"],
        [None, None, None, None],
        ["b.example", datetime(2027, 3, 31, 0, 0), 1.5, True],
    )
    first, second = schemas.read(content, "invitations", 10).lines
    assert first.values == {
        "customer": "a.example", "last_day": "2027-03-31", "recipient": "8012345678", "language": "=HYPERLINK(A1)",
    }  # fmt: skip
    assert (second.number, second.values["last_day"], second.values["recipient"]) == (4, "2027-03-31", "1.5")


def test_a_sheet_without_names_or_rows_is_refused() -> None:
    assert faults(book([None], ["Customer"], ["x"]), "invitations") == ["no_heading"]
    assert faults(book(["Customer"]), "invitations") == ["no_rows"]
    assert faults(book(["Client"], ["x"]), "invitations") == ["columns_missing"]
    assert faults(book(["Customer"], *[["x"]] * 11), "invitations", 10) == ["too_many_rows"]
    assert faults(book(["Customer", *["x"] * 50], ["y"]), "invitations") == ["too_many_columns"]
    assert faults(book(["Customer"], ["x" * 2001]), "invitations") == ["long_cell"]


BOMBS = {
    "packed too tightly": (with_part(book(["Customer"], ["x"]), "xl/media/a.bin", b"\0" * (3 * 1024 * 1024)), "bomb"),
    "too much in all": (
        with_part(book(["Customer"], ["x"]), SHEET, sheet("<row/>" * 11_000_000)),
        "bomb",
    ),
    "entities that grow": (
        with_part(
            book(["Customer"], ["x"]),
            SHEET,
            sheet(
                f'<row r="1">{text_cell("A1", "&b;")}</row>',
                '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
            ),
        ),
        "unreadable_xlsx",
    ),
    "an entity from a file": (
        with_part(
            book(["Customer"], ["x"]),
            SHEET,
            sheet(f'<row r="1">{text_cell("A1", "&b;")}</row>', '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
        ),
        "unreadable_xlsx",
    ),
    "a row at the very end": (
        with_part(
            book(["Customer"], ["x"]),
            SHEET,
            sheet(f'<row r="1">{text_cell("A1", "Customer")}</row><row r="1048576">{text_cell("A1048576", "x")}</row>'),
        ),
        "too_many_rows",
    ),
    "no workbook": (with_part(b"PK\5\6" + b"\0" * 18, "a.txt", b"x"), "no_xlsx"),
    "a broken sheet": (with_part(book(["Customer"], ["x"]), SHEET, b"<worksheet"), "unreadable_xlsx"),
    "cut off": (book(["Customer"], ["x"])[:-40], "unreadable_xlsx"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_files_are_refused(name: str) -> None:
    content, code = BOMBS[name]
    assert len(content) <= rules.FILE_BYTES
    assert faults(content, "invitations") == [code]


def test_a_cell_far_to_the_right_costs_nothing_and_a_lie_about_the_size_is_not_believed() -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "Customer")}</row><row r="2">{text_cell("A2", "x")}{text_cell("XFD2", "y")}</row>'
    )
    lying = sheet(rows).replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    assert invited(with_part(book(["x"]), SHEET, lying)) == [(2, "x")]


# --- writing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", FORMULA)
def test_nothing_that_is_written_is_a_formula(start: str) -> None:
    content = schemas.written_csv(["a"], [[f"{start}1+1"]])
    assert content.startswith(b"\xef\xbb\xbf")
    (_heading, (cell,)) = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert cell == f"'{start}1+1"
    again = schemas.written_csv(["Customer"], [[f"{start}1+1"]])
    assert schemas.read(again, "invitations", 10).lines[0].values["customer"] == f"{start}1+1"


def test_the_characters_that_begin_a_formula_in_any_edition_are_known() -> None:
    assert {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} <= set(FORMULA)


#: What a cell of ours can hold: readable text without blanks around it, in NFC.
TEXT = st.text(
    st.one_of(
        st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cc", "Cs", "Cf", "Cn", "Zl", "Zp")),
        st.sampled_from("髙﨑①㈱ー々\"',;=+-@|"),
    ),
    max_size=30,
).map(lambda text: schemas._clean(text)).filter(lambda text: not text.startswith("'"))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(rules.KINDS),
    language=st.sampled_from(["en", "ja"]),
    suffix=st.sampled_from(["csv", "xlsx"]),
    data=st.data(),
)
def test_a_filled_template_is_read_as_it_was_filled(kind: str, language: str, suffix: str, data: st.DataObject) -> None:
    names = [column.name for column in COLUMNS_OF[kind]]
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXT)), min_size=1, max_size=4))
    rows = [row | {names[0]: row[names[0]] or "x"} for row in rows]
    read = schemas.read(schemas.template(kind, language, suffix, rows=rows), kind, 10)
    assert [line.values for line in read.lines] == rows
    assert read.ignored == []
