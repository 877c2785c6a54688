"""Languages: which one a reader gets, and the catalogues.

English sentences are the keys. Each slice keeps its own `translations/ja.po`, the kernel keeps
`webapp/translations/ja.po`; all are read once and merged. `pseudo` is no language but a test: every
sentence that went through the catalogue comes out in brackets.
"""

from __future__ import annotations

import io
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, current_app, g, has_request_context, request, session
from flask_babel import Domain, get_locale

from webapp import actor
from webapp.extensions import babel

LANGUAGES = {"ja": "日本語", "en": "English"}
HERE = Path(__file__).resolve().parent


def catalogues(language: str) -> list[Path]:
    """Every catalogue of a language, the kernel's first."""
    return [HERE / "translations" / f"{language}.po", *sorted(HERE.glob(f"*/translations/{language}.po"))]


@cache
def _translations(language: str) -> NullTranslations:
    if language == "pseudo":
        return _Pseudo()
    merged = Translations()
    for path in catalogues(language):
        if path.is_file():
            with path.open("rb") as source:
                compiled = io.BytesIO()
                write_mo(compiled, read_po(source, locale=language))
            compiled.seek(0)
            read = Translations(compiled)
            merged.plural = read.plural  # merging takes the words, not the language's rule for plurals
            merged.merge(read)
    return merged


class _Pseudo(NullTranslations):
    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)

    ugettext = gettext
    ungettext = ngettext
    upgettext = pgettext
    unpgettext = npgettext


class _Catalogue(Domain):
    """Flask-Babel's domain, reading our .po files without a compile step."""

    def get_translations(self) -> Any:
        if current_app.config.get("PSEUDO_LOCALE"):
            return _translations("pseudo")
        return _translations(language())


def language() -> str:
    """The language of what is being rendered: "ja" or "en"."""
    locale = get_locale()
    return locale.language if locale is not None and locale.language in LANGUAGES else "en"


def chosen() -> str:
    """The reader's language: the person's choice, then the link's `lang`, then the browser's."""
    if not has_request_context():
        return "en"
    if actor.is_api_place(request.path):
        wanted = request.headers.get("X-Locale") or request.headers.get("Accept-Language") or "en"
        return "ja" if wanted.strip()[:2].casefold() == "ja" else "en"
    person = actor.current()
    if person is not None:
        return person.language
    wanted = request.args.get("lang", "")[:2].lower()
    if wanted in LANGUAGES:
        return wanted
    kept = session.get("lang", "")
    if kept in LANGUAGES:
        return str(kept)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def keep_choice() -> None:
    """Keep the `lang` of a link for the pages that follow it, for a reader who is not signed in."""
    wanted = request.args.get("lang", "")[:2].lower()
    if wanted in LANGUAGES and session.get("lang") != wanted:
        session["lang"] = wanted


def zone() -> str:
    """The reader's time zone: the person's, else the organization's, else UTC (or the one a page sets)."""
    if "zone" in g:
        return str(g.zone)
    person = actor.current() if has_request_context() else None
    return person.zone if person is not None else "UTC"


def init_app(app: Flask) -> None:
    """Bind languages and zones to the application."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    babel.init_app(app, default_locale="en", locale_selector=chosen, timezone_selector=zone)
    babel.domain_instance = _Catalogue()
