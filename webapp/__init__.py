"""Countersign: the customer's side of a cloud partnership.

`create_app()` is the table of contents: the extensions, then the slices from the ground up. Each slice may use
those before it, never those after.
"""

from __future__ import annotations

import importlib
import importlib.util
from datetime import timedelta
from types import ModuleType, TracebackType
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError
from werkzeug.middleware.proxy_fix import ProxyFix

from config import ROOT, Config
from webapp import access, clock, commands, database, errors, languages, pages, replays, rest, security, worker
from webapp import actor as actors
from webapp.extensions import alembic, compress, csrf, login_manager, mail

SLICES = (
    "evidence",
    "policies",
    "messages",
    "accounts",
    "organizations",
    "api_clients",
    "tasks",
    "webhooks",
    "subscriptions",
    "relationships",
    "agreements",
    "delegated_admin",
    "partner_relationships",
    "invitations",
    "answers",
    "customers",
    "attestations",
    "onboarding",
    "directory",
    "orders",
    "product_keys",
    "renewals",
    "offers",
    "imports",
    "team",
    "api_reference",
    "home",
    "demo",
)

_ExcInfo = tuple[type, BaseException, TracebackType] | tuple[None, None, None]
_FACES = ("views", "customer_views", "partner_views", "api")


class Countersign(Flask):
    """Flask, with the end of a request's transaction inside its dispatch: a refusal at commit is still a page."""

    def dispatch_request(self) -> ResponseReturnValue:
        try:
            response = replays.answered(lambda: self.make_response(super(Countersign, self).dispatch_request()))
            if response.status_code < 400:
                database.commit()
            else:
                database.rollback()
        except IntegrityError as error:
            database.rollback()
            refusal = errors.refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error
        except BaseException:
            database.rollback()
            raise
        return response

    def log_exception(self, exc_info: _ExcInfo) -> None:
        """Log a failure by the address, without its query; of an address that holds a secret only which one it is."""
        rule = request.url_rule
        address = rule.rule if rule is not None and "secret" in rule.arguments else request.path
        self.logger.error("Exception on %s [%s]", address, request.method, exc_info=exc_info)


def create_app(config: Config) -> Flask:
    """The application of one configuration. Raises RuntimeError while a route is undeclared."""
    app = Countersign(
        __name__,
        root_path=str(ROOT / "webapp"),
        static_folder=str(ROOT / "static"),
        template_folder=str(ROOT / "templates"),
        instance_path=str(config.instance),
    )
    app.config.update(_settings(config))
    clock.read_offset_from(config.clock_offset_file)
    database.init_app(app, config)
    for extension in (alembic, compress, csrf, mail):
        extension.init_app(app)
    login_manager.init_app(app, add_context_processor=False)  # pages are given the actor, error pages ask no database
    languages.init_app(app)
    errors.init_app(app)
    pages.init_app(app)
    commands.init_app(app)
    security.init_app(app, config)
    access.init_app(app)
    rest.init_app(app)
    app.before_request(_before)
    app.view_functions["static"] = access.anyone(because="styles, scripts and images hold nothing of anybody")(
        app.view_functions["static"]
    )
    for name in SLICES:
        _wire(app, name)
    if config.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxies, x_proto=config.proxies, x_host=config.proxies)  # type: ignore[method-assign]
    access.refuse_undeclared(app)
    return app


def _settings(config: Config) -> dict[str, Any]:
    key_list = list(config.keys.values())
    return {
        "COUNTERSIGN": config,
        "KEYS": dict(config.keys),
        "SECRET_KEY": key_list[0],
        "SECRET_KEY_FALLBACKS": key_list[1:],
        "PUBLIC_URL": config.public_url,
        "DEMO": config.demo,
        "OPERATOR_NAME": config.operator_name,
        "OPERATOR_CONTACT": config.operator_contact,
        "MAIL_DEFAULT_SENDER": config.mail_sender,
        "SESSION_COOKIE_NAME": "__Host-session" if config.is_https else "session",
        "SESSION_COOKIE_SECURE": config.is_https,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=90),  # the policy's longest; the session's row says when it ends
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_CHECK_DEFAULT": False,  # access is decided first, see _before()
        "WTF_CSRF_SSL_STRICT": True,
        "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 1024 * 1024,
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(hours=1),
        "COMPRESS_MIMETYPES": ["text/html", "text/css", "text/javascript", "application/json"],
        "COMPRESS_ALGORITHM": ["br", "gzip"],
        "ALEMBIC": {"script_location": str(ROOT / "webapp" / "migrations")},
        "ALEMBIC_CONTEXT": {"compare_type": True},
    }


def _before() -> ResponseReturnValue | None:
    """The order of every request: who may come, then whether the form is ours. Calls of the API have no form and no cookie:
    a token decides who comes, and whose limit counts."""
    by_token = actors.is_api_place(request.path)
    if by_token:
        rest.count_call()
    else:
        languages.keep_choice()
    answer = access.enforce()
    if answer is not None:
        return answer
    if by_token:
        rest.before()
    elif request.endpoint is not None and request.method not in {"GET", "HEAD", "OPTIONS"}:
        csrf.protect()
    return None


def _wire(app: Flask, name: str) -> None:
    """Let one slice register what it contributes."""
    package = f"webapp.{name}"
    importlib.import_module(package)
    for part in _FACES:
        module = _part(package, part)
        if module is not None:
            app.register_blueprint(module.blueprint)
            for item in getattr(module, "NAVIGATION", ()):
                pages.navigable(item)
    _part(package, "models")
    actions = _part(package, "actions")
    register = getattr(actions, "register", None) if actions is not None else None
    if register is not None:
        register(app)
    jobs = _part(package, "jobs")
    for job in getattr(jobs, "JOBS", ()):
        worker.runs(job)
    commands = _part(package, "commands")
    for group in getattr(commands, "GROUPS", ()):
        app.cli.add_command(group)


def _part(package: str, part: str) -> ModuleType | None:
    if importlib.util.find_spec(f"{package}.{part}") is None:
        return None
    return importlib.import_module(f"{package}.{part}")
