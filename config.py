"""Everything the operator decides outside the database, as one typed and frozen object.

`Config.from_environment()` reads it and refuses to start when something is missing or insecure; the
refusal names every fault at once. What changes while the product runs is data (see `webapp/policies`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ROOT = Path(__file__).resolve().parent


class ConfigurationError(Exception):
    """The environment cannot be started with. `faults` lists every reason, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Countersign cannot start:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class MailServer:
    """The SMTP server that takes outgoing mail. Times in seconds."""

    host: str
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "none"  # none (loopback only), starttls, tls
    timeout: float = 20.0


@dataclass(frozen=True)
class Config:
    """What a process needs to know before it starts.

    `keys` maps a key's id to its bytes; the first is used for new signatures, the others only to check
    older ones, so that keys can be rotated. `public_url` has no slash at its end. `api_requests_per_minute` is counted for
    each organization. `webhook_targets`: hosts ("name" or "name:port") of an intranet that webhooks may go to although their
    addresses are not public.
    """

    database_url: str
    keys: Mapping[str, bytes] = field(repr=False)
    public_url: str
    demo: bool = False
    trusted_hosts: tuple[str, ...] = ()
    proxies: int = 0
    mail_server: MailServer | None = None
    mail_sender: str = "countersign@localhost"
    operator_name: str = "Countersign"
    operator_contact: str = "support@countersign.example"
    instance: Path = ROOT / "instance"
    clock_offset_file: Path | None = None
    web_workers: int = 2
    web_threads: int = 4
    api_requests_per_minute: int = 500
    webhook_targets: tuple[str, ...] = ()

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def current_key(self) -> tuple[str, bytes]:
        """Id and bytes of the key that signs what is new."""
        return next(iter(self.keys.items()))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the configuration. Raises ConfigurationError with every fault found."""
        env = os.environ if environ is None else environ
        reader = _Reader(env)
        config = cls(
            database_url=reader.database_url(),
            keys=reader.keys(),
            public_url=reader.public_url(),
            demo=reader.flag("COUNTERSIGN_DEMO"),
            trusted_hosts=reader.words("TRUSTED_HOSTS"),
            proxies=reader.number("PROXIES", 0, 0, 9),
            mail_server=reader.mail_server(),
            mail_sender=env.get("MAIL_SENDER", "countersign@localhost"),
            operator_name=env.get("OPERATOR_NAME", "Countersign"),
            operator_contact=env.get("OPERATOR_CONTACT", "support@countersign.example"),
            instance=reader.instance,
            clock_offset_file=reader.clock_offset_file(),
            web_workers=reader.number("WEB_WORKERS", 2, 1, 64),
            web_threads=reader.number("WEB_THREADS", 4, 1, 64),
            api_requests_per_minute=reader.number("API_REQUESTS_PER_MINUTE", 500, 1, 1_000_000),
            webhook_targets=reader.words("WEBHOOK_TARGETS"),
        )
        reader.check_together(config)
        if reader.faults:
            raise ConfigurationError(reader.faults)
        return config


class _Reader:
    """Collects the faults of one environment while reading it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.faults: list[str] = []
        self.demo = self.flag("COUNTERSIGN_DEMO")
        self.instance = Path(env.get("COUNTERSIGN_INSTANCE") or ROOT / "instance")

    def flag(self, name: str) -> bool:
        return self.env.get(name, "").strip().lower() in {"1", "true", "yes", "on"}

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word for word in re.split(r"[,\s]+", self.env.get(name, "")) if word)

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.env.get(name, "").strip()
        if not text:
            return default
        if not text.isdecimal() or not low <= int(text) <= high:
            self.faults.append(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
            return default
        return int(text)

    def database_url(self) -> str:
        url = self.env.get("DATABASE_URL", "").strip() or f"sqlite:///{self.instance / 'countersign.sqlite'}"
        url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            self.faults.append("DATABASE_URL must begin with sqlite:/// or postgresql://.")
        elif url.partition("?")[0] in {"sqlite:///", "sqlite:///:memory:"}:
            self.faults.append("DATABASE_URL must name a file: a database in memory is lost with its process.")
        return url

    def keys(self) -> dict[str, bytes]:
        text = self.env.get("SECRET_KEYS", "").strip()
        path = self.instance / "secret-key"
        if not text and path.is_file():
            text = path.read_text().strip()
        found: dict[str, bytes] = {}
        for part in re.split(r"[,\s]+", text):
            name, _, value = part.partition(":")
            if not part:
                continue
            if not re.fullmatch(r"[a-z0-9]{1,16}", name) or not re.fullmatch(r"(?:[0-9a-f]{2}){32,}", value):
                self.faults.append(
                    "SECRET_KEYS holds entries id:hex with at least 64 hexadecimal digits (whole bytes)."
                )
            elif name in found:
                self.faults.append(f"SECRET_KEYS names two keys {name!r}: each key has an id of its own.")
            else:
                found[name] = bytes.fromhex(value)
        if not found:
            self.faults.append(f"No key: set SECRET_KEYS or let `make run` write {path}.")
        return found or {"none": b""}

    def public_url(self) -> str:
        url = self.env.get("PUBLIC_URL", "").strip().rstrip("/")
        if not url and self.demo:
            url = f"http://127.0.0.1:{self.number('PORT', 8000, 1, 65535)}"
        if not url:
            self.faults.append("PUBLIC_URL is required: the address that links in mails begin with.")
            return url
        found = _origin_of(url)
        if found is None:
            self.faults.append(f"PUBLIC_URL must look like https://host or https://host:port, not {url!r}.")
            return url
        if found.startswith("http:") and urlsplit(found).hostname not in LOOPBACK:
            self.faults.append("PUBLIC_URL must be https, except on this machine's own loopback address.")
        return found

    def mail_server(self) -> MailServer | None:
        host = self.env.get("MAIL_SERVER", "").strip()
        if not host:
            return None
        security = self.env.get("MAIL_SECURITY", "none" if host in LOOPBACK else "starttls").lower()
        if security not in {"none", "starttls", "tls"}:
            self.faults.append("MAIL_SECURITY must be none, starttls or tls.")
        if security == "none" and host not in LOOPBACK:
            self.faults.append("MAIL_SECURITY=none is allowed only for a mail server on this machine.")
        return MailServer(
            host=host,
            port=self.number("MAIL_PORT", {"tls": 465, "starttls": 587}.get(security, 25), 1, 65535),
            user=self.env.get("MAIL_USER", ""),
            password=self.env.get("MAIL_PASSWORD", ""),
            security=security,
        )

    def clock_offset_file(self) -> Path | None:
        name = self.env.get("CLOCK_OFFSET_FILE", "").strip()
        if name and not (self.demo or self.flag("COUNTERSIGN_TESTING")):
            self.faults.append("CLOCK_OFFSET_FILE moves the clock: it exists for tests and the demonstration only.")
        return Path(name) if name else None

    def check_together(self, config: Config) -> None:
        hosts = {urlsplit(config.public_url).hostname} if _origin_of(config.public_url) else set()
        if config.demo and not hosts | set(config.trusted_hosts) <= LOOPBACK:
            self.faults.append("COUNTERSIGN_DEMO=1 has known passwords: it runs on a loopback address only.")
        if not config.demo and not self.env.get("OPERATOR_CONTACT"):
            self.faults.append("OPERATOR_CONTACT is required: the address that readers ask for help.")
        if config.mail_server and not self.env.get("MAIL_SENDER"):
            self.faults.append("MAIL_SENDER is required with MAIL_SERVER: the address that mails come from.")
        elif not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", config.mail_sender):
            self.faults.append(f"MAIL_SENDER must be an address alone, like mail@host, not {config.mail_sender!r}.")
        for name in ("MAIL_USER", "OPERATOR_NAME", "OPERATOR_CONTACT"):
            if not self.env.get(name, "-").isprintable():
                self.faults.append(f"{name} must be one line of text.")


def _origin_of(url: str) -> str | None:
    """Scheme, host and port as browsers write them (lower case, no usual port); None for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    alone = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc or url.endswith(("?", "#")))
    if parts.scheme not in {"http", "https"} or not alone or not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:]+", host):
        return None
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if port in (None, usual) else f":{port}")
