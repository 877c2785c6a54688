"""Sending what is due, every two seconds: over a connection to the very address that was checked.

A receiver is named by whoever registers it, so that sending must not reach what only this machine reaches: the name is
resolved here, once, every address of it is looked at, and the connection goes to one of these and nowhere else. No proxy of
the environment is used and no redirect is followed.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

from flask import current_app
from flask.ctx import AppContext

from webapp import clock, worker
from webapp.webhooks import actions, queries, rules
from webapp.webhooks.rules import Outcome, Target, TargetForbidden
from webapp.worker import Job

log = logging.getLogger("countersign.webhooks")
#: Receivers that are sent to at once, so that a slow one does not hold up the others.
AT_ONCE = 4


def deliver_due() -> int:
    """Send what is due, one commit each; answer how many were tried.

    Each receiver gets its events one after the other. One that is not reached is left alone for a while; a worker that is
    told to stop gives back what it did not try.
    """
    by = uuid4()
    waiting: dict[UUID, list[UUID]] = {}
    for delivery_id, registration_id in actions.claim(clock.now(), by):
        waiting.setdefault(registration_id, []).append(delivery_id)
    if not waiting:
        return 0
    context = current_app.app_context  # bound to the application itself, which the threads have no proxy of
    until = time.monotonic() + rules.RUN
    try:
        key_id = actions.ensure_signing_key().id
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sum(pool.map(lambda ids: _deliver_all(context, ids, by, key_id, until), waiting.values()))
    finally:
        actions.release(by)


def _deliver_all(
    context: Callable[[], AppContext], delivery_ids: Sequence[UUID], by: UUID, key_id: UUID, until: float
) -> int:
    """Send one receiver's events until time is up, or it is not reached; answer how many were tried."""
    tried = 0
    with context():
        for delivery_id in delivery_ids:
            if worker.is_stopping() or time.monotonic() > until:
                break
            outcome = deliver(delivery_id, by, key_id)
            tried += outcome is not None
            if outcome is not None and outcome.is_away:
                break
    return tried


def deliver(delivery_id: UUID, by: UUID, key_id: UUID) -> Outcome | None:
    """Try one delivery and keep what came of it; None when it is not this run's any more."""
    leased = actions.lease_again(delivery_id, by)
    if leased is None:
        return None
    delivery, registration = leased
    try:
        key = queries.key_by_id(key_id)
        headers = actions.headers_of(delivery, registration, key, clock.now())
        outcome = send(registration.url, delivery.body.encode(), headers, queries.listed())
    except Exception:  # one that cannot be sent at all must not hold up those behind it
        log.exception("webhook %s cannot be sent", delivery_id)
        outcome = Outcome(error="fault")
    actions.keep_outcome(delivery, registration, by, outcome)
    return outcome


# --- on the wire -------------------------------------------------------------------------------------------------


def send(url: str, body: bytes, headers: Mapping[str, str], listed: Sequence[str]) -> Outcome:
    """Send a body by POST and tell what came of it."""
    try:
        target = rules.target_of(url, listed)
        addresses = _resolved(target)
        rules.check_addresses(target, addresses)
    except TargetForbidden as refused:
        return Outcome(error="forbidden", detail=refused.why)
    except OSError as failed:
        return Outcome(error="unresolved", detail=str(failed))
    try:
        with _connected(target, addresses) as connection:
            connection.request("POST", target.path, body, {**headers, "Host": target.authority})
            answer = connection.getresponse()
            _read(answer)
            return Outcome(code=answer.status, message=_printable(answer.reason or ""))
    except TimeoutError:
        return Outcome(error="timeout", detail=f"no answer within {rules.TIMEOUT:.0f} seconds")
    except ssl.SSLError as failed:
        return Outcome(error="tls", detail=str(getattr(failed, "verify_message", "") or failed.reason or failed))
    except http.client.HTTPException as failed:
        return Outcome(error="protocol", detail=type(failed).__name__)
    except OSError as failed:
        return Outcome(error="unreachable", detail=failed.strerror or type(failed).__name__)


def _resolved(target: Target) -> list[str]:
    """Every address of a name, once; an address stays itself."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@contextmanager
def _connected(target: Target, addresses: Sequence[str]) -> Iterator[http.client.HTTPConnection]:
    """A connection to the first of these addresses that takes one, with TLS verified against the name. All of it, with
    the answer, takes `rules.TIMEOUT` at most: then the connection is cut under whoever reads it."""
    until, over = time.monotonic() + rules.TIMEOUT, threading.Event()
    plain = _opened(target, addresses, until)
    second = plain.dup()  # TLS takes the first over; what is cut by either is cut for both
    watch = threading.Timer(max(0.0, until - time.monotonic()), _cut, (second, over))
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(target.host, target.port, timeout=rules.TIMEOUT)
    connection.auto_open = 0  # never a connection of its own, which would ask for the name again
    try:
        connection.sock = plain
        if target.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        yield connection
        if over.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException):
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        connection.close()
        plain.close()
        second.close()


def _opened(target: Target, addresses: Sequence[str], until: float) -> socket.socket:
    failed: OSError = OSError("no address")
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            # An address, not the name: what it resolves to by now plays no part.
            return socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failed = error
    raise failed


def _cut(plain: socket.socket, over: threading.Event) -> None:
    over.set()
    with suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse) -> None:
    """Read the answer to its end or to `rules.LARGEST_ANSWER`; nothing of its body is kept or shown to anybody."""
    answer.read(rules.LARGEST_ANSWER)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text).strip()


JOBS = (
    Job("deliver webhooks", 2.0, deliver_due),
    Job("forget old webhooks", 3600.0, actions.forget_old),
)
