"""`flask serve`: the web server and the worker under one parent.

The parent stops both when it is told to stop (Ctrl-C, SIGTERM), and stops the other and says so when one of them
ends by itself. Any WSGI server and any number of `flask worker` do as well; this is the plain way.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from types import FrameType

import click
from flask import current_app

from config import ROOT, Config

#: Seconds that a process is given to end what it is doing.
PATIENCE = 15.0


def web_command(config: Config, host: str, port: int, *more: str) -> list[str]:
    """How granian serves this program: workers are processes, each with its blocking threads. Requests are not
    logged: addresses of invitations and secret links do not belong into logs."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", str(config.web_workers), "--blocking-threads", str(config.web_threads), "--no-ws",
        "--log-level", "warning", "--workers-kill-timeout", "10s", *more, "wsgi:app",
    ]  # fmt: skip


def flask_command(*words: str) -> list[str]:
    """A `flask` command of this program, run by the same Python."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", *words]


def is_taken(host: str, port: int) -> bool:
    """Whether another program listens there. Granian itself would share the port without a word."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def answers(host: str, port: int) -> bool:
    """Whether the web server answers at this address."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/health/live", headers={"Host": str(current_app.config["TRUSTED_HOSTS"][0])})
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Family:
    """Child processes that live and end together."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.told = threading.Event()

    def listen(self) -> None:
        """Stop when told so."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.told.set()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a child in a group of its own, so that Ctrl-C reaches it through this parent only."""
        self.children[name] = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=dict(self.environment), start_new_session=True
        )

    def ended(self) -> tuple[str, int] | None:
        """The first child that ended by itself, with its exit status."""
        for name, child in self.children.items():
            status = child.poll()
            if status is not None:
                return name, status
        return None

    def watch(self) -> tuple[str, int] | None:
        """Wait until told to stop (None) or until a child ended by itself."""
        while not self.told.wait(0.3):
            found = self.ended()
            if found is not None:
                return found
        return None

    def stop(self) -> None:
        """End every child: politely, then not."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + PATIENCE
        for child in self.children.values():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, envvar="PORT", type=click.IntRange(1, 65535))
@click.option("--worker/--no-worker", default=True, show_default=True, help="Start the worker as well.")
def serve_command(host: str, port: int, worker: bool) -> None:
    """Start the web server and the worker; stop both with Ctrl-C."""
    config: Config = current_app.config["COUNTERSIGN"]
    if is_taken(host, port):
        raise click.ClickException(f"Port {port} is taken. Choose another with PORT=…")
    family = Family(os.environ | {"PORT": str(port)})
    family.listen()
    try:
        family.start("web", web_command(config, host, port))
        if worker:
            family.start("worker", flask_command("worker"))
        while not family.told.wait(0.1) and family.ended() is None and not answers(host, port):
            pass
        if not family.told.is_set() and family.ended() is None:
            _announce(config, host, port)
        ended = family.watch()
    finally:
        family.stop()
    if ended is not None:
        raise click.ClickException(f"The {ended[0]} process ended by itself (status {ended[1]}); see above.")
    click.echo("Stopped.")


def _announce(config: Config, host: str, port: int) -> None:
    click.echo(f"\nCountersign answers at http://{host}:{port} (Ctrl-C stops it).")
    if config.demo:
        subprocess.run(flask_command("demo", "show"), cwd=ROOT, check=False)  # noqa: S603
