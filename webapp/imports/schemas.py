"""The shape of files: their columns in both languages, reading CSV and XLSX, writing templates and results.

Reading keeps to limits before anything is unpacked, evaluates nothing, and is done before any lock is taken.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from webapp.customers.rules import FORMULA
from webapp.customers.rules import cell as safe
from webapp.imports import rules
from webapp.imports.rules import COLUMNS_OF, Column, FileFault

#: What columns are called in a file. Both languages, and the plain name, are read whatever the reader's language is.
HEADINGS: dict[str, dict[str, str]] = {
    "customer": {"en": "Customer", "ja": "顧客"},
    "asks": {"en": "Asks for", "ja": "依頼の内容"},
    "partner": {"en": "Provider or reseller", "ja": "プロバイダーまたはリセラー"},
    "recipient": {"en": "Recipient", "ja": "あて先"},
    "language": {"en": "Language", "ja": "言語"},
    "last_day": {"en": "Last day", "ja": "期限"},
    "given_name": {"en": "First name", "ja": "名"},
    "family_name": {"en": "Last name", "ja": "姓"},
    "email": {"en": "Email address", "ja": "メール アドレス"},
    "phone": {"en": "Telephone number", "ja": "電話番号"},
    "agreed_on": {"en": "Date of acceptance", "ja": "契約の受け入れ日"},
    "licences": {"en": "Licences", "ja": "ライセンス"},
}
#: Other words that people use for a column.
_ALSO = {
    "customer": ("customer domain", "domain", "ドメイン", "顧客ドメイン", "顧客名"),
    "asks": ("依頼内容",),
    "recipient": ("recipient email", "email", "email address", "mail", "宛先", "宛先メールアドレス", "メールアドレス"),
    "email": ("email", "e-mail", "mail", "メール"),
    "phone": ("phone", "phone number", "telephone", "電話"),
    "given_name": ("given name", "名前"),
    "family_name": ("family name", "surname", "名字", "苗字"),
    "agreed_on": ("agreed on", "date agreed", "acceptance date", "同意日", "同意した日"),
    "last_day": ("expires", "expiry", "最終日"),
    "licences": ("licence", "license", "licenses", "product", "products", "製品", "製品ライセンス"),
    "partner": ("indirect provider", "indirect reseller", "間接プロバイダー", "間接リセラー"),
}
SUFFIXES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: What bytes that mean nothing in cp932 are read as: the file is in another encoding.
_STRAY = re.compile("[\x80\uf8f0-\uf8f3]")
_PACKED, _OLD_EXCEL = b"PK", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Line:
    """A row of a file that is not blank: its number there, and its values by column."""

    number: int
    values: dict[str, str]


@dataclass(frozen=True)
class Read:
    """What a file holds. `ignored`: headings of columns that are none of ours."""

    lines: list[Line]
    ignored: list[str] = field(default_factory=list)


def read(content: bytes, kind: str, limit: int) -> Read:
    """The rows of a file, at most `limit`. Raises FileFault."""
    if len(content) > rules.FILE_BYTES:
        raise FileFault(("too_large", {"megabytes": rules.FILE_BYTES // 1024 // 1024}))
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileFault(("empty_file", {}))
    if content.startswith(_OLD_EXCEL):
        raise FileFault(("old_excel", {}))
    packed = content.startswith(_PACKED)
    cells = _cells_of_xlsx(content, limit) if packed else _cells_of_csv(content)
    return _lines(cells, kind, limit)


def columns(kind: str, language: str) -> list[Column]:
    """The columns of a kind in the order of a language: in Japanese the family name comes first."""
    named = {column.name: column for column in COLUMNS_OF[kind]}
    turned = {"given_name": "family_name", "family_name": "given_name"} if language == "ja" else {}
    return [named[turned.get(name, name)] for name in named]


# --- rows and columns ------------------------------------------------------------------------------------------


def _folded(heading: str) -> str:
    return rules.folded(heading.strip().strip("*:").replace("_", " ")).replace(" ", "")


def columns_by_heading(kind: str) -> dict[str, str]:
    """Every accepted heading, folded, with its column."""
    found: dict[str, str] = {}
    for column in COLUMNS_OF[kind]:
        for word in (*HEADINGS[column.name].values(), column.name, *_ALSO.get(column.name, ())):
            found.setdefault(_folded(word), column.name)
    return found


def _lines(rows: Iterator[tuple[int, list[str]]], kind: str, limit: int) -> Read:
    _number, heading = next(rows, (0, []))
    places, ignored = _places(heading, kind)
    lines: list[Line] = []
    for number, cells in rows:
        values = {name: _clean(cells[place]) if place < len(cells) else "" for name, place in places.items()}
        if not any(values.values()):
            continue
        if len(lines) == limit:
            raise FileFault(("too_many_rows", {"limit": limit}))
        longest = next((name for name, text in values.items() if len(text) > rules.CELL), None)
        if longest is not None:
            raise FileFault(("long_cell", {"row": number, "column": heading[places[longest]], "limit": rules.CELL}))
        lines.append(Line(number, values))
    if not lines:
        raise FileFault(("no_rows", {}))
    return Read(lines, ignored)


def _places(heading: list[str], kind: str) -> tuple[dict[str, int], list[str]]:
    """Where each column stands, and the headings that are none of ours."""
    if len(heading) > rules.COLUMNS:
        raise FileFault(("too_many_columns", {"limit": rules.COLUMNS}))
    known, places, ignored = columns_by_heading(kind), {}, []
    twice: list[str] = []
    for place, cell in enumerate(heading):
        name = known.get(_folded(cell))
        if name is None:
            ignored += [_clean(cell)[:60]] if _clean(cell) else []
        elif name in places:
            twice.append(_clean(cell))
        else:
            places[name] = place
    missing = [column.name for column in COLUMNS_OF[kind] if column.required and column.name not in places]
    faults: list[tuple[str, dict[str, Any]]] = []
    if twice:
        faults.append(("columns_twice", {"headings": twice}))
    if missing:
        faults.append(("columns_missing", {"columns": missing, "found": ignored[:10]}))
    if faults:
        raise FileFault(*faults)
    return places, ignored


def _clean(text: str) -> str:
    """A cell as it is kept: NFC, outer blanks dropped, and without the apostrophe that our own files put before what a
    spreadsheet program would take for a formula."""
    found = unicodedata.normalize("NFC", text).strip(" \t\r\n\u3000\ufeff")
    return found[1:] if found.startswith("'") and found[1:].startswith(FORMULA) else found


# --- CSV -------------------------------------------------------------------------------------------------------


def _text_of(content: bytes) -> str:
    """The text of a CSV file: UTF-8, with or without its mark, else cp932 (what Excel writes in Japan)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFault(("utf16", {}))
    if b"\0" in content:
        raise FileFault(("utf16" if content.count(b"\0") > len(content) // 4 else "binary", {}))
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _STRAY.search(text):
            return text
    raise FileFault(("encoding", {}))


def _cells_of_csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _text_of(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise FileFault(("quotes", {"row": number})) from None
        if number > 1 or any(cell.strip() for cell in cells):
            yield number, cells
        else:
            raise FileFault(("no_heading", {}))


def _delimiter(text: str) -> str:
    """What stands between the headings, outside quotation marks: a comma, a semicolon or a tab."""
    line = text.lstrip("\ufeff").split("\n", 1)[0]
    outside = "".join(line.split('"')[::2])
    return max(",;\t", key=outside.count)


# --- XLSX ------------------------------------------------------------------------------------------------------


def _check_packed(content: bytes) -> None:
    """Raises FileFault for what unpacks to more than any honest file, before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise FileFault(("unreadable_xlsx", {})) from None
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise FileFault(("no_xlsx", {}))
    tight = any(
        part.file_size > rules.SMALL_PART and part.file_size > rules.PACKED_RATIO * max(part.compress_size, 1)
        for part in parts
    )
    if len(parts) > rules.PARTS or tight or sum(part.file_size for part in parts) > rules.UNPACKED_BYTES:
        raise FileFault(("bomb", {}))


def _cells_of_xlsx(content: bytes, limit: int) -> Iterator[tuple[int, list[str]]]:
    _check_packed(content)
    try:
        yield from _cells_of_sheet(content, limit)
    except FileFault:
        raise
    except Exception:  # whatever a broken or hostile file makes the library raise, it is the file's fault
        raise FileFault(("unreadable_xlsx", {})) from None


def _cells_of_sheet(content: bytes, limit: int) -> Iterator[tuple[int, list[str]]]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size is not to be relied on
        most = limit * 2 + 1000  # rows, blank ones included
        for number, row in enumerate(islice(sheet.iter_rows(max_col=rules.COLUMNS + 1), most + 1), start=1):
            if number > most:
                raise FileFault(("too_many_rows", {"limit": limit}))
            cells = [_cell_text(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if number == 1 and not cells:
                raise FileFault(("no_heading", {}))
            yield number, cells
    finally:
        book.close()


def _cell_text(cell: Any) -> str:
    """A cell as text: days as ISO, whole numbers without a point, formulas as they are written."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value)
    return text if len(text) <= rules.CELL else text[: rules.CELL + 1]


# --- writing ---------------------------------------------------------------------------------------------------


def written_csv(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file with the mark by which Excel knows UTF-8; nothing in it is a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([safe(cell) for cell in heading])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def written_xlsx(
    heading: Sequence[str], rows: Iterable[Sequence[str]], title: str, notes: tuple[str, Sequence[Sequence[str]]] | None
) -> bytes:
    """An XLSX file of text cells; `notes` are a second sheet: its title, and rows of a name and words."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title[:31]
    sheet.append(list(heading))
    for place in range(1, len(heading) + 1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = 26
        sheet.column_dimensions[letter].number_format = "@"
        sheet[f"{letter}1"].font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for number, row in enumerate(rows, start=2):
        for place, text in enumerate(row, start=1):
            cell = sheet.cell(number, place)
            cell.value = safe(text)
            cell.data_type, cell.number_format = "s", "@"
    if notes is not None:
        more = book.create_sheet(notes[0][:31])
        more.column_dimensions["A"].width, more.column_dimensions["B"].width = 30, 90
        for words in notes[1]:
            more.append([safe(each) for each in words])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def template(
    kind: str, language: str, suffix: str, *, rows: Iterable[Mapping[str, str]] = (), title: str = "",
    notes: tuple[str, Sequence[Sequence[str]]] | None = None,
) -> bytes:  # fmt: skip
    """A file with the columns of a kind, headed in a language, to be filled in (or filled with `rows`)."""
    names = [column.name for column in columns(kind, language)]
    heading = [HEADINGS[name][language] for name in names]
    cells = [[row.get(name, "") for name in names] for row in rows]
    if suffix == "csv":
        return written_csv(heading, cells)
    return written_xlsx(heading, cells, title or "Sheet1", notes)
