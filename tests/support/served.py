"""The program as it runs: web server and worker as processes of their own, over real HTTP on loopback."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from cryptography.hazmat.primitives import serialization

from config import ROOT, Config
from tests.support.engines import KEYS
from webapp.serve import flask_command, web_command

#: Seconds that a process is given to start or to end.
PATIENCE = 40.0


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(database_url: str, directory: Path, public_url: str, **changes: str) -> dict[str, str]:
    """The environment of a process that works on a test's database. `changes`: more variables, e.g.
    MAIL_SERVER="127.0.0.1", MAIL_PORT="2525", CLOCK_OFFSET_FILE="…"."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": ",".join(f"{name}:{key.hex()}" for name, key in KEYS.items()),
        "PUBLIC_URL": public_url,
        "COUNTERSIGN_INSTANCE": str(directory),
        "COUNTERSIGN_TESTING": "1",
        "OPERATOR_NAME": "Countersign Test",
        "OPERATOR_CONTACT": "operator@countersign.example",
        "MAIL_SENDER": "mail@countersign.example",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode"),
        **changes,
    }


class Process:
    """One child process; what it says goes to a file that is shown when it fails."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def said(self) -> str:
        """Everything the process wrote so far."""
        return self.log.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        return self.child.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        os.kill(self.child.pid, number)

    def kill(self) -> None:
        """End it and all its children at once, with SIGKILL."""
        if self.is_alive:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self) -> None:
        """End it politely; with SIGKILL when it does not listen."""
        if self.is_alive:
            self.child.terminate()
            try:
                self.child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class WorkerProcess(Process):
    """`flask worker`, delivering to `mail_port` on loopback (None: no mail server)."""

    def __init__(self, database_url: str, directory: Path, *, mail_port: int | None, **changes: str) -> None:
        mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mail_port)} if mail_port is not None else {}
        public_url = changes.pop("PUBLIC_URL", "http://localhost")
        env = environment(database_url, directory, public_url, **(mail | changes))
        super().__init__(flask_command("worker"), env, directory / "worker.log")


class Served(Process):
    """The web server with `processes` × `threads`; ready when this answers. `https`: with a certificate for
    localhost that nobody but the test trusts (`ca`)."""

    def __init__(
        self, database_url: str, directory: Path, *, processes: int = 1, threads: int = 4, https: bool = False,
        **changes: str,
    ) -> None:  # fmt: skip
        self.port = free_port()
        self.https = https
        self.url = f"{'https' if https else 'http'}://localhost:{self.port}"
        self.env = environment(
            database_url, directory, self.url, WEB_WORKERS=str(processes), WEB_THREADS=str(threads), **changes
        )
        more: list[str] = []
        if https:
            self.ca = trustme.CA()
            more = _certificate(self.ca, directory)
        config = Config.from_environment(self.env)
        super().__init__(web_command(config, "127.0.0.1", self.port, *more), self.env, directory / "web.log")
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it at once: asked politely, it waits ten seconds for whoever keeps a connection open, as browsers do."""
        self.kill()

    def connection(self) -> http.client.HTTPConnection:
        """A new connection to it."""
        if not self.https:
            return http.client.HTTPConnection("localhost", self.port, timeout=PATIENCE)
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=context)

    def status_of(self, path: str) -> int:
        """The status that a plain GET is answered with."""
        connection = self.connection()
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.is_alive, f"the web server ended:\n{self.said}"
            try:
                if self.status_of("/health/live") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the web server does not answer:\n{self.said}")


def _certificate(ca: trustme.CA, directory: Path) -> list[str]:
    made = ca.issue_cert("localhost", "127.0.0.1")
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    private = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return ["--ssl-certificate", str(chain), "--ssl-keyfile", str(key)]
