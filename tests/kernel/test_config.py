"""What the program refuses to start with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from config import Config, ConfigurationError

KEY = "k1:" + "ab" * 32
OLDER = "k0:" + "cd" * 32


def environment(tmp_path: Path, **changes: str | None) -> dict[str, str]:
    """A complete environment, with changes; None leaves a variable out."""
    whole: dict[str, str | None] = {
        "SECRET_KEYS": KEY,
        "PUBLIC_URL": "https://countersign.example",
        "OPERATOR_CONTACT": "help@countersign.example",
        "COUNTERSIGN_INSTANCE": str(tmp_path),
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def faults(tmp_path: Path, **changes: str | None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_environment(environment(tmp_path, **changes))
    return caught.value.faults


def test_a_complete_environment_starts_and_its_values_cannot_be_changed(tmp_path: Path) -> None:
    config = Config.from_environment(environment(tmp_path))
    assert config.is_https
    assert config.is_sqlite
    assert not config.demo
    assert config.mail_server is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.demo = True  # type: ignore[misc]


REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"SECRET_KEYS": None}, "No key"),
    ({"SECRET_KEYS": "  "}, "No key"),
    ({"SECRET_KEYS": "k1:short"}, "64 hexadecimal"),
    ({"SECRET_KEYS": "k1:" + "a" * 65}, "64 hexadecimal"),
    ({"SECRET_KEYS": "k1:" + "g" * 64}, "64 hexadecimal"),
    ({"SECRET_KEYS": "ab" * 32}, "64 hexadecimal"),
    ({"SECRET_KEYS": f"{KEY} k-2:" + "ab" * 32}, "64 hexadecimal"),
    ({"SECRET_KEYS": f"{KEY},k1:" + "cd" * 32}, "two keys 'k1'"),
    ({"PUBLIC_URL": None}, "PUBLIC_URL is required"),
    ({"PUBLIC_URL": "countersign.example"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "ftp://countersign.example"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://countersign.example/app"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://countersign.example?x=1"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://countersign.example#x"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://me@countersign.example"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://countersign.example:99999"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://[::1"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "https://counter sign.example"}, "PUBLIC_URL must look"),
    ({"PUBLIC_URL": "http://countersign.example"}, "must be https"),
    ({"PUBLIC_URL": "HTTP://countersign.example"}, "must be https"),
    ({"PUBLIC_URL": "http://127.0.0.1.countersign.example"}, "must be https"),
    ({"PUBLIC_URL": "http://192.0.2.1:8000"}, "must be https"),
    ({"COUNTERSIGN_DEMO": "1"}, "loopback address only"),
    ({"COUNTERSIGN_DEMO": "1", "PUBLIC_URL": None, "TRUSTED_HOSTS": "demo.example"}, "loopback address only"),
    ({"DATABASE_URL": "mysql://host/x"}, "DATABASE_URL must begin"),
    ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL must begin"),
    ({"DATABASE_URL": "sqlite:///:memory:"}, "must name a file"),
    ({"OPERATOR_CONTACT": None}, "OPERATOR_CONTACT is required"),
    ({"OPERATOR_NAME": "Two\nlines"}, "one line"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": None}, "MAIL_SENDER is required"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": "nobody"}, "MAIL_SENDER must be"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": "a@b.example\nBcc: x@y.example"}, "MAIL_SENDER must be"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": "a@b.example", "MAIL_SECURITY": "none"}, "only for a mail server"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": "a@b.example", "MAIL_SECURITY": "ssl"}, "none, starttls or tls"),
    ({"MAIL_SERVER": "mail.example", "MAIL_SENDER": "a@b.example", "MAIL_PORT": "0"}, "MAIL_PORT must be"),
    ({"PROXIES": "many"}, "PROXIES must be"),
    ({"PROXIES": "-1"}, "PROXIES must be"),
    ({"WEB_WORKERS": "0"}, "WEB_WORKERS must be"),
    ({"WEB_THREADS": "65"}, "WEB_THREADS must be"),
    ({"CLOCK_OFFSET_FILE": "/somewhere"}, "tests and the demonstration only"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_what_is_missing_or_insecure_is_refused_in_words(
    tmp_path: Path, changes: dict[str, str | None], words: str
) -> None:
    found = faults(tmp_path, **changes)
    assert any(words in each for each in found), found


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path, SECRET_KEYS=None, PUBLIC_URL=None, OPERATOR_CONTACT=None, PROXIES="x", DATABASE_URL="mysql://x",
        MAIL_SERVER="mail.example", MAIL_SECURITY="ssl", CLOCK_OFFSET_FILE="/x",
    )  # fmt: skip
    for words in (
        "No key",
        "PUBLIC_URL",
        "OPERATOR_CONTACT",
        "PROXIES",
        "DATABASE_URL",
        "MAIL_SENDER",
        "MAIL_SECURITY",
        "CLOCK",
    ):
        assert any(words in each for each in found), words
    assert len(found) == len(set(found))


ORIGINS = {
    "https://countersign.example": "https://countersign.example",
    "https://countersign.example/": "https://countersign.example",
    "HTTPS://Countersign.Example": "https://countersign.example",
    "https://countersign.example:443": "https://countersign.example",
    "https://countersign.example:8443": "https://countersign.example:8443",
    "http://localhost:80/": "http://localhost",
    "http://127.0.0.1:8000": "http://127.0.0.1:8000",
    "http://[::1]:8000": "http://[::1]:8000",
}


@pytest.mark.parametrize(("given", "kept"), ORIGINS.items())
def test_the_public_address_is_kept_as_browsers_write_it(tmp_path: Path, given: str, kept: str) -> None:
    config = Config.from_environment(environment(tmp_path, PUBLIC_URL=given))
    assert config.public_url == kept
    assert config.is_https == kept.startswith("https:")


def test_the_demonstration_needs_nothing_but_a_key(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text(f"{KEY}\n")
    config = Config.from_environment({"COUNTERSIGN_DEMO": "1", "COUNTERSIGN_INSTANCE": str(tmp_path), "PORT": "8123"})
    assert config.public_url == "http://127.0.0.1:8123"
    assert config.current_key == ("k1", bytes.fromhex("ab" * 32))


def test_the_first_key_signs_and_all_are_kept(tmp_path: Path) -> None:
    config = Config.from_environment(environment(tmp_path, SECRET_KEYS=f"{KEY}, {OLDER}"))
    assert config.current_key[0] == "k1"
    assert list(config.keys) == ["k1", "k0"]


def test_neither_keys_nor_passwords_are_printed(tmp_path: Path) -> None:
    config = Config.from_environment(
        environment(
            tmp_path, MAIL_SERVER="mail.example", MAIL_SENDER="a@b.example", MAIL_USER="u", MAIL_PASSWORD="mail-secret"
        )
    )
    assert "mail-secret" not in repr(config)
    assert "abab" not in repr(config)
    assert r"\xab" not in repr(config)


@pytest.mark.parametrize("scheme", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_postgresql_is_always_reached_through_psycopg(tmp_path: Path, scheme: str) -> None:
    config = Config.from_environment(environment(tmp_path, DATABASE_URL=f"{scheme}me@db.example/x"))
    assert config.database_url == "postgresql+psycopg://me@db.example/x"
    assert not config.is_sqlite


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"MAIL_SERVER": "mail.example"}, ("starttls", 587)),
        ({"MAIL_SERVER": "mail.example", "MAIL_SECURITY": "TLS"}, ("tls", 465)),
        ({"MAIL_SERVER": "127.0.0.1"}, ("none", 25)),
    ],
)
def test_mail_is_encrypted_unless_it_stays_on_this_machine(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[str, int]
) -> None:
    config = Config.from_environment(environment(tmp_path, MAIL_SENDER="a@b.example", **changes))
    assert config.mail_server is not None
    assert (config.mail_server.security, config.mail_server.port) == expected
