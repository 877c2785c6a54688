"""What a file is by its bytes, and by which name it may be kept."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

import pytest

from tests.attestations.scene import EML, JPEG, PDF, PNG, chunk
from webapp.attestations.rules import (
    LARGEST,
    LONGEST_NAME,
    AttestationHasChanged,
    ProofRefused,
    check_proof,
    check_same,
    is_double,
    media_type_of,
    name_of,
)


def an_archive() -> bytes:
    """A ZIP with one file."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("run.class", b"\xca\xfe\xba\xbe")
    return buffer.getvalue()


MAIL_IN_JAPANESE = (
    b"From: =?ISO-2022-JP?B?GyRCTmtMWhsoQg==?= <suzuki@contoso.example>\nDate: Fri, 20 Nov 2026 10:00:00 +0900\n"
    b"Content-Type: text/plain; charset=ISO-2022-JP\n\n"
) + "同意します。\n".encode("iso-2022-jp")

TYPES = [
    (PDF, "application/pdf"),
    (PDF.replace(b"1.7", b"2.0"), "application/pdf"),
    (PNG, "image/png"),
    (JPEG, "image/jpeg"),
    (EML, "message/rfc822"),
    (b"\xef\xbb\xbf" + EML, "message/rfc822"),
    (EML.replace(b"\r\n", b"\n"), "message/rfc822"),
    (EML.replace(b"Subject:", b"Received: from a\r\n by b\r\nSubject:"), "message/rfc822"),
    (MAIL_IN_JAPANESE, "message/rfc822"),
    (b"", None),
    (b"GIF89a" + b"\0" * 40, None),
    (b"MZ\x90\0", None),
    (b"PK\x03\x04", None),
    (b"<!doctype html><p>Hello</p>", None),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
    (b"We accept. From: nobody", None),
    (b"From: a@b.example\r\n\r\nNo date", None),
    (b"Date: today\r\nSubject: x\r\n\r\nNo sender", None),
    (EML + b"\0\0", None),
    (b"\n" + EML, None),
    (b"%PDF-1.7\nno end", None),
    (b"%PDF-9.9\n%%EOF", None),
    (b"\n" + PDF, None),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, None),
    (b"\xff\xd8\xff but nothing behind it", None),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
]


@pytest.mark.parametrize(("content", "found"), TYPES)
def test_a_file_is_what_its_bytes_say(content: bytes, found: str | None) -> None:
    assert media_type_of(content) == found


@pytest.mark.parametrize(
    ("content", "double"),
    [
        (PDF, False),
        (PDF + b"\r\n\0\0", False),
        (PDF.replace(b"endobj\n", b"endobj\n%%EOF\n"), False),  # saved twice: the later end counts
        (PNG, False),
        (JPEG, False),
        (JPEG + JPEG, False),  # a camera's second picture
        (PDF + an_archive(), True),
        (PDF + b"MZ something", True),
        (PDF.replace(b"1 0 obj", b"<script>alert(1)</script>"), True),
        (PNG + an_archive(), True),
        (PNG + PDF, True),
        (PNG + b"x", True),
        (PNG[:-12] + chunk(b"tEXt", b"Comment\0" + PDF) + PNG[-12:], True),
        (PNG[:-12] + chunk(b"tEXt", b"Comment\0<html ><body>") + PNG[-12:], True),
        (PNG[:8] + struct.pack(">I", 2**31) + PNG[12:], True),
        (JPEG + an_archive(), True),
        (JPEG + b"Rar!\x1a\x07\x00", True),
        (JPEG + b"<?php echo 1 ?>", True),
        (JPEG[:-2] + PDF + JPEG[-2:], True),
        (EML + an_archive().hex().encode(), False),
    ],
)
def test_a_file_that_is_two_things_is_found(content: bytes, double: bool) -> None:
    found = media_type_of(content)
    assert found is not None
    assert is_double(content, found) is double


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("signed.pdf", PDF, ""),
        ("SIGNED.PDF", PDF, ""),
        ("scan.jpg", JPEG, ""),
        ("scan.jpeg", JPEG, ""),
        ("mail.eml", EML, ""),
        ("signed.pdf.exe", PDF, "renamed"),
        ("signed", PDF, "renamed"),
        ("scan.png", JPEG, "renamed"),
        ("mail.pdf", EML, "renamed"),
        ("run.pdf", b"MZ\x90\0", "unknown"),
        ("empty.pdf", b"", "empty"),
        ("scan.png", PNG + PDF, "double"),
        ("large.pdf", b"%PDF-1.7\n".ljust(LARGEST - 5, b"0") + b"%%EOF", ""),
        ("large.pdf", b"%PDF-1.7\n".ljust(LARGEST - 4, b"0") + b"%%EOF", "large"),
    ],
)
def test_a_proof_is_taken_or_refused(name: str, content: bytes, why: str) -> None:
    if not why:
        assert check_proof(name, content) == media_type_of(content)
        return
    with pytest.raises(ProofRefused) as refused:
        check_proof(name, content)
    assert (refused.value.why, refused.value.file) == (why, name)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("signed.pdf", "signed.pdf"),
        ("C:\\Users\\ann\\signed.pdf", "signed.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("署名 済み.pdf", "署名 済み.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("fdp\u202e.exe", "fdp.exe"),
        (".hidden", "hidden"),
        ("", "proof"),
        ("x" * 300 + ".pdf", "x" * (LONGEST_NAME - 4) + ".pdf"),
    ],
)
def test_a_name_is_kept_without_folders_and_tricks(sent: str, kept: str) -> None:
    assert name_of(sent) == kept


def test_what_differs_is_named() -> None:
    check_same(["text"], same=True)
    for changes, named in ((["text"], ["text"]), ([], ["other"])):
        with pytest.raises(AttestationHasChanged) as refused:
            check_same(changes, same=False)
        assert refused.value.changes == named
