"""On the wire: what is connected to, what is not followed, what a slow or hostile receiver can do."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

from tests.webhooks.receiver import Receiver
from webapp.webhooks import jobs, rules
from webapp.webhooks.jobs import send

HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let names resolve to one address after the other, the last for good; addresses stay themselves. The names asked."""
    asked: list[str] = []
    real, left = socket.getaddrinfo, list(answers)

    def found(host: str, port: Any, *args: Any, **named: Any) -> Any:
        if host.replace(".", "").isdigit():
            return real(host, port, *args, **named)
        asked.append(host)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in address.split()]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


def test_a_body_arrives_as_it_is_with_the_name_that_was_asked_for(receiver: Receiver) -> None:
    outcome = send(receiver.url + "?key=1", b'{"a": 1}', HEADERS, [receiver.target])
    assert (outcome.code, outcome.message, outcome.is_delivered) == (200, "OK", True)
    (arrived,) = receiver.arrived
    assert (arrived.path, arrived.content) == ("/events?key=1", b'{"a": 1}')
    assert arrived.headers["Host"] == receiver.target


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_this_machine_is_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver() as inner:
        receiver.answer = lambda _arrived: status
        receiver.headers = {"Location": inner.url}
        outcome = send(receiver.url, b"{}", HEADERS, [receiver.target])
        assert (outcome.code, outcome.is_delivered) == (status, False)
        assert inner.arrived == []


def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("127.0.0.1", "10.0.0.8", "169.254.169.254", "8.8.8.8 127.0.0.1"):
        resolving(monkeypatch, address)
        outcome = send("https://receiver.example:8443/", b"{}", HEADERS, [])
        assert (outcome.error, outcome.detail) == ("forbidden", "address")
    assert receiver.arrived == []


def test_what_the_name_says_after_the_check_plays_no_part(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: open while it is checked, this machine from then on."""
    asked, connected = resolving(monkeypatch, "8.8.8.8", "127.0.0.1"), []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    outcome = send("https://receiver.example/", b"{}", HEADERS, [])
    assert (outcome.error, outcome.detail) == ("unreachable", "Connection refused")
    assert asked == ["receiver.example"]  # once, for the check
    assert connected == [("8.8.8.8", 443)]  # the very address that was checked


def test_a_lost_connection_is_not_opened_anew_by_name(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library would connect by itself, to whatever the name says by then."""
    receiver.before = lambda _arrived: receiver.server.socket.close()
    asked = resolving(monkeypatch, "127.0.0.1")
    assert send(f"http://hooks:{receiver.port}/", b"{}", HEADERS, ["hooks"]).code == 200
    assert asked == ["hooks"]


def test_the_certificate_must_be_the_name_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.example").configure_cert(server)
    resolving(monkeypatch, "127.0.0.1")
    with Receiver(server) as receiver:
        listed = ["receiver.example", "other.example"]
        unknown = send(f"https://receiver.example:{receiver.port}/", b"{}", HEADERS, listed)
        assert (unknown.error, receiver.arrived) == ("tls", [])
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert send(f"https://receiver.example:{receiver.port}/", b"{}", HEADERS, listed).code == 200
        wrong = send(f"https://other.example:{receiver.port}/", b"{}", HEADERS, listed)
        assert wrong.error == "tls"
        assert "other.example" in wrong.detail
        assert len(receiver.arrived) == 1


@contextmanager
def speaking(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """A receiver that says whatever it likes; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _address = server.accept()
            with taken:
                taken.recv(4096)
                try:
                    say(taken)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def _drips_headers(taken: socket.socket) -> None:
    taken.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        taken.sendall(f"X-{number}: 1\r\n".encode())
        time.sleep(0.05)


def _drips_body(taken: socket.socket) -> None:
    taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        taken.sendall(b"x")
        time.sleep(0.05)


def _says_nothing(taken: socket.socket) -> None:
    time.sleep(1.5)


def _never_ends(taken: socket.socket) -> None:
    taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        taken.sendall(b"x" * 65536)


@pytest.mark.parametrize("say", [_drips_headers, _drips_body, _says_nothing])
def test_a_slow_receiver_holds_nobody_up(say: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "TIMEOUT", 0.4)
    with speaking(say) as target:
        began = time.monotonic()
        outcome = send(f"http://{target}/", b"{}", HEADERS, [target])
        assert time.monotonic() - began < 1.2
    assert (outcome.error, outcome.is_delivered, outcome.is_away) == ("timeout", False, True)


def test_an_endless_answer_is_read_to_a_limit() -> None:
    with speaking(_never_ends) as target:
        assert send(f"http://{target}/", b"{}", HEADERS, [target]).code == 200


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n", b"", b"HTTP/1.1 99999 What\r\n\r\n"])
def test_what_is_no_answer_is_none(answer: bytes) -> None:
    with speaking(lambda taken: taken.sendall(answer)) as target:
        outcome = send(f"http://{target}/", b"{}", HEADERS, [target])
    assert outcome.error in {"protocol", "unreachable"}
    assert not outcome.is_delivered


def test_a_name_that_is_not_found_and_a_closed_port_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        target = f"127.0.0.1:{closed.getsockname()[1]}"
    assert send(f"http://{target}/", b"{}", HEADERS, [target]).error == "unreachable"

    def unknown(*_args: Any, **_named: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert send("https://receiver.example/", b"{}", HEADERS, []).error == "unresolved"


def test_forbidden_words_of_an_address_are_refused_when_sent_as_well() -> None:
    """What was registered before the operator took it off the list."""
    assert send("http://127.0.0.1:1/", b"{}", HEADERS, []).error == "forbidden"


def test_the_job_runs_often_and_cleaning_seldom() -> None:
    assert [(each.name, each.every) for each in jobs.JOBS] == [
        ("deliver webhooks", 2.0), ("forget old webhooks", 3600.0)
    ]  # fmt: skip
