"""A browser without a screen: it can only follow links and submit forms that the last page really showed, and it
checks every page it meets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import html5lib
from flask import Flask
from werkzeug.test import TestResponse

_XHTML = "{http://www.w3.org/1999/xhtml}"
#: Errors of the strict parser that are matters of style of its old rules, not faults.
_ALLOWED: frozenset[str] = frozenset()
FORBIDDEN_ATTRIBUTES = ("style", "onclick", "onsubmit", "onchange", "onload", "onerror")


class Form:
    """A form as a page showed it: where it goes, and its fields with their values."""

    def __init__(self, element: Any, page_url: str) -> None:
        self.action = urljoin(page_url, element.get("action") or page_url)
        self.method = (element.get("method") or "get").lower()
        self.fields: dict[str, list[str]] = {}
        self.options: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str, str]] = []
        for each in element.iter():
            self._read(each)

    def _read(self, each: Any) -> None:
        tag, name = str(each.tag).removeprefix(_XHTML), each.get("name") or ""
        kind = (each.get("type") or "text").lower()
        if tag == "button" or (tag == "input" and kind == "submit"):
            self.buttons.append((name, each.get("value") or "", words_of(each)))
        elif tag == "input" and name:
            if kind in {"checkbox", "radio"}:
                self.options.setdefault(name, []).append(each.get("value") or "on")
                if each.get("checked") is not None:
                    self.fields.setdefault(name, []).append(each.get("value") or "on")
            else:
                self.fields.setdefault(name, []).append(each.get("value") or "")
        elif tag == "textarea" and name:
            text = "".join(each.itertext())
            self.fields.setdefault(name, []).append(text.removeprefix("\n"))
        elif tag == "select" and name:
            choices = list(each.iter(f"{_XHTML}option"))
            self.options.setdefault(name, []).extend(o.get("value") or "" for o in choices)
            chosen = [o.get("value") or "" for o in choices if o.get("selected") is not None]
            if chosen or choices:
                self.fields.setdefault(name, []).extend(chosen or [choices[0].get("value") or ""])

    @property
    def names(self) -> set[str]:
        return {*self.fields, *self.options}


def words_of(element: Any) -> str:
    """The words inside an element, with blanks folded."""
    return " ".join("".join(element.itertext()).split())


class Page:
    """What one answer showed."""

    def __init__(self, response: TestResponse, url: str) -> None:
        self.response = response
        self.status = response.status_code
        self.url = url
        self.html = response.get_data(as_text=True)
        self.tree: Any = None
        if response.mimetype == "text/html":
            parser = html5lib.HTMLParser(strict=False)
            self.tree = parser.parse(self.html)
            self._check(parser)

    def _check(self, parser: html5lib.HTMLParser) -> None:
        faults = [f"{p}: {code} {values}" for p, code, values in parser.errors if code not in _ALLOWED]
        headings = self.elements("h1")
        if len(headings) != 1:
            faults.append(f"{len(headings)} h1")
        else:
            title = words_of(self.elements("title")[0]).removeprefix("⟦")
            heading = words_of(headings[0])
            for prefix in ("Error: ", "エラー: "):
                title = title.removeprefix(prefix).removeprefix("⟦")
            if not title.startswith(heading.removeprefix("⟦")[:40]):
                faults.append(f"title {title!r} does not begin with h1 {heading!r}")
        ids = [e.get("id") for e in self.tree.iter() if e.get("id")]
        faults += [f"id {each!r} twice" for each in {i for i in ids if ids.count(i) > 1}]
        labelled = {e.get("for") for e in self.elements("label")}
        for tag in ("input", "select", "textarea"):
            for field in self.elements(tag):
                kind = (field.get("type") or "text").lower()
                if kind in {"hidden", "submit"}:
                    continue
                if field.get("id") not in labelled and not field.get("aria-label") and not field.get("aria-labelledby"):
                    faults.append(f"{tag} {field.get('name')!r} has no label")
        for element in self.tree.iter():
            faults += [f"inline {a} on {element.tag}" for a in FORBIDDEN_ATTRIBUTES if element.get(a) is not None]
            if element.tag == f"{_XHTML}style" or (element.tag == f"{_XHTML}script" and not element.get("src")):
                faults.append(f"inline {element.tag}")
        assert not faults, f"{self.url}: " + "; ".join(faults[:8])

    def elements(self, tag: str) -> list[Any]:
        return list(self.tree.iter(f"{_XHTML}{tag}")) if self.tree is not None else []

    @property
    def heading(self) -> str:
        return words_of(self.elements("h1")[0])

    @property
    def words(self) -> str:
        """All the words of the page's main part."""
        return words_of(self.elements("main")[0])

    @property
    def forms(self) -> list[Form]:
        return [Form(each, self.url) for each in self.elements("form")]

    @property
    def links(self) -> dict[str, str]:
        """Address by words, of every link."""
        return {words_of(a): urljoin(self.url, a.get("href")) for a in self.elements("a") if a.get("href")}


class Visitor:
    """One browser: cookies, the language it asks for, and the page it shows."""

    def __init__(self, app: Flask, *, language: str = "en", network: str = "192.0.2.1") -> None:
        self.app = app
        self.client = app.test_client()
        self.origin = str(app.config["PUBLIC_URL"])
        self.language = language
        self.network = network
        self.page: Page = None  # type: ignore[assignment]

    def open(self, url: str) -> Page:
        """Type an address, follow redirects, check the page."""
        return self._go("GET", url)

    def follow(self, words: str) -> Page:
        """Click the link with these words (or whose words begin so)."""
        links = self.page.links
        found = links.get(words) or next((u for w, u in links.items() if w.startswith(words)), None)
        assert found is not None, f"no link {words!r} on {self.page.url}: {sorted(links)}"
        return self.open(found)

    def submit(self, values: dict[str, Any] | None = None, *, button: str = "", to: str = "", **more: Any) -> Page:
        """Submit the form that has these fields (and this button, or whose action ends in `to`).

        A field that the page did not show, or a choice that it did not offer, is an error of the test.
        A checkbox is ticked with True, left or cleared with False.
        """
        given = {**(values or {}), **more}
        form = self._form(set(given), button, to)
        data = {name: list(each) for name, each in form.fields.items()}
        for name, value in given.items():
            if value is True:
                data[name] = form.options[name][:1]
            elif value is False:
                data.pop(name, None)
            else:
                wanted = [str(v) for v in (value if isinstance(value, list) else [value])]
                if name in form.options:
                    assert set(wanted) <= set(form.options[name]), f"{name} offers {form.options[name]}, not {wanted}"
                data[name] = wanted
        for name, value, label in form.buttons:
            if name and (not button or label.startswith(button)):
                data[name] = [value]
                break
        return self._go(form.method.upper(), form.action, data)

    def _form(self, names: set[str], button: str, to: str) -> Form:
        fitting = [
            form
            for form in self.page.forms
            if names <= form.names
            and (not button or any(label.startswith(button) for _n, _v, label in form.buttons))
            and (not to or urlsplit(form.action).path.endswith(to))
            and (names or button or to or not form.action.endswith("/sign-out"))
        ]
        shown = [(f.action, sorted(f.names), [b[2] for b in f.buttons]) for f in self.page.forms]
        assert fitting, f"no form with {sorted(names)} {button!r} on {self.page.url} ({self.page.status}): {shown}"
        return fitting[0]

    def _go(self, method: str, url: str, data: dict[str, list[str]] | None = None) -> Page:
        parts = urlsplit(url)
        assert not parts.netloc or f"{parts.scheme}://{parts.netloc}" == self.origin, f"{url} is not ours"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept-Language": self.language}
        if method != "GET":
            headers |= {"Origin": self.origin, "Referer": self.origin + "/"}
        response = self.client.open(
            path,
            method=method,
            base_url=self.origin,
            headers=headers,
            data=data if method != "GET" else None,
            query_string=data if method == "GET" and data else None,
            environ_overrides={"REMOTE_ADDR": self.network},
        )
        if response.status_code in {301, 302, 303, 307, 308}:
            return self._go("GET", urljoin(self.origin + path, response.headers["Location"]))
        self.page = Page(response, self.origin + path)
        return self.page

    def sign_in(self, address: str, password: str = "countersign-demo") -> Page:
        """Sign in through the page; afterwards the browser shows where it was led."""
        if self.page is None or not self.page.url.split("?")[0].endswith("/sign-in"):
            self.open("/sign-in")
        return self.submit(address=address, password=password)
