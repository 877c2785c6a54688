"""What the catalogues lack.

    .venv/bin/python -m tests.support.catalogue              every slice
    .venv/bin/python -m tests.support.catalogue accounts     one slice ("kernel": layout, components, errors, webapp/*.py)
    .venv/bin/python -m tests.support.catalogue --check      only the verdict (exit status 1 when something is wrong)

Prints what is missing as entries that can be pasted into `webapp/<slice>/translations/ja.po` (the kernel's is
`webapp/translations/ja.po`), and what is empty, fuzzy, unused, or has other placeholders than its sentence. A
sentence belongs to the first slice that uses it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from config import ROOT
from webapp import SLICES

KERNEL = "kernel"
OWNERS = (KERNEL, *SLICES)
FUNCTIONS = {
    "_": None,
    "_l": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%|%")

#: (context, sentence, plural); context and plural are empty where there are none.
Key = tuple[str, str, str]


@dataclass
class Sentence:
    """A sentence of the user interface, and where it stands."""

    key: Key
    owner: str
    places: list[str] = field(default_factory=list)


@dataclass
class Findings:
    """What is wrong, by owner: missing sentences, and faults in words."""

    missing: dict[str, list[Sentence]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.missing.values())) + sum(map(len, self.faults.values()))


def environment() -> Environment:
    """Jinja as the application sets it up, as far as reading a template goes."""
    jinja = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True, autoescape=True)
    jinja.policies["ext.i18n.trimmed"] = True
    jinja.newstyle_gettext = True  # type: ignore[attr-defined]
    jinja.filters.update(dict.fromkeys(("moment", "moment_text", "day", "day_text"), str))
    return jinja


def templates(root: Path = ROOT) -> list[Path]:
    """Every template, mails included."""
    return sorted(p for p in (root / "templates").rglob("*") if p.suffix in {".html", ".txt", ".xml"})


def sources(root: Path = ROOT) -> list[Path]:
    """Every Python file of the program that may speak."""
    return sorted(p for p in (root / "webapp").rglob("*.py") if "migrations" not in p.parts)


def owner_of(path: Path, root: Path = ROOT) -> str:
    """The slice that a file belongs to, or the kernel."""
    folder = path.relative_to(root).parts[1]
    return folder if folder in SLICES else KERNEL


def _in_template(path: Path, jinja: Environment) -> Iterator[tuple[int, Key]]:
    for line, function, message in extract_from_ast(jinja.parse(path.read_text("utf-8")), list(FUNCTIONS)):
        given = message if isinstance(message, tuple) else (message,)
        words = [each for each in given if isinstance(each, str)]
        if not words:
            continue
        context = words.pop(0) if function in {"pgettext", "npgettext"} else ""
        yield line, (context, words[0], words[1] if "n" in function.replace("gettext", "") and len(words) > 1 else "")


def _in_python(path: Path) -> Iterator[tuple[int, Key]]:
    found = extract("python", BytesIO(path.read_bytes()), keywords=FUNCTIONS, options={"encoding": "utf-8"})
    for line, message, _comments, context in found:
        words = list(message) if isinstance(message, tuple) else [message]
        yield line, (context or "", words[0], words[1] if len(words) > 1 else "")


def sentences(root: Path = ROOT) -> dict[Key, Sentence]:
    """Every sentence used, with the first slice that uses it as its owner."""
    jinja = environment()
    found: dict[Key, Sentence] = {}
    files = [(OWNERS.index(owner_of(p, root)), p) for p in (*templates(root), *sources(root))]
    for rank, path in sorted(files):
        inside = _in_python(path) if path.suffix == ".py" else _in_template(path, jinja)
        for line, key in inside:
            if key[1]:
                sentence = found.setdefault(key, Sentence(key, OWNERS[rank]))
                sentence.places.append(f"{path.relative_to(root)}:{line}")
    return found


def path_of(owner: str, language: str = "ja", root: Path = ROOT) -> Path:
    """Where an owner's catalogue is kept."""
    folder = root / "webapp" if owner == KERNEL else root / "webapp" / owner
    return folder / "translations" / f"{language}.po"


def placeholders(text: str) -> set[str]:
    """The names that a sentence is filled with; a bare % counts, since it breaks the filling."""
    return {match[1] or match[0] for match in _PLACEHOLDER.finditer(text)}


def _faults_of(catalogue: Catalog, used: Iterable[Key]) -> Iterator[str]:
    known = set(used)
    for message in catalogue:
        if not message.id:
            continue
        ids = list(message.id) if isinstance(message.id, tuple | list) else [message.id]
        key = (message.context or "", ids[0], ids[1] if len(ids) > 1 else "")
        strings = list(message.string) if isinstance(message.string, tuple | list) else [message.string]
        if key not in known:
            yield f"unused: {ids[0]!r}"
            continue
        if message.fuzzy:
            yield f"fuzzy: {ids[0]!r}"
        if not all(strings):
            yield f"empty: {ids[0]!r}"
            continue
        wanted = set().union(*(placeholders(each) for each in ids)) - {"%%"}
        optional = {"num", "n"} if len(ids) > 1 else set()
        for string in strings:
            have = placeholders(str(string)) - {"%%"}
            if have - wanted or (wanted - have) - optional:
                yield f"placeholders: {ids[0]!r} needs {sorted(wanted)}, {string!r} has {sorted(have)}"
    yield from (f"obsolete: {key!r}" for key in catalogue.obsolete)


def examine(root: Path = ROOT, language: str = "ja") -> Findings:
    """Compare what is said with what is translated."""
    used = sentences(root)
    found = Findings()
    words: dict[Key, tuple[str, str]] = {}
    for owner in OWNERS:
        path = path_of(owner, language, root)
        if not path.is_file():
            continue
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language, abort_invalid=True)
        faults = list(_faults_of(catalogue, used))
        for message in catalogue:
            if not message.id:
                continue
            ids = list(message.id) if isinstance(message.id, tuple | list) else [message.id]
            key = (message.context or "", ids[0], ids[1] if len(ids) > 1 else "")
            earlier = words.setdefault(key, (str(message.string), owner))
            if earlier[0] != str(message.string):
                faults.append(f"other words than in {earlier[1]}: {ids[0]!r}")
        if faults:
            found.faults[owner] = faults
    for key, sentence in used.items():
        if key not in words:
            found.missing.setdefault(sentence.owner, []).append(sentence)
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'"{escaped}"'


def entry(sentence: Sentence) -> str:
    """A missing sentence as an entry to be filled in."""
    context, single, plural = sentence.key
    lines = [f"#: {place}" for place in sentence.places[:3]]
    if placeholders(single) - {"%", "%%"}:
        lines.append("#, python-format")
    if context:
        lines.append(f"msgctxt {_quoted(context)}")
    lines.append(f"msgid {_quoted(single)}")
    lines += [f"msgid_plural {_quoted(plural)}", 'msgstr[0] ""'] if plural else ['msgstr ""']
    return "\n".join(lines)


HEADER = """\
msgid ""
msgstr ""
"Language: ja\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"""


def report(found: Findings, only: str = "", *, short: bool = False) -> str:
    """The findings as text."""
    parts: list[str] = []
    for owner in OWNERS:
        missing, faults = found.missing.get(owner, []), found.faults.get(owner, [])
        if (only and owner != only) or not (missing or faults):
            continue
        path = path_of(owner).relative_to(ROOT)
        parts.append(f"# ==== {owner}: {len(missing)} missing, {len(faults)} faults in {path}")
        parts += [f"# {fault}" for fault in faults]
        if missing and not short:
            if not path_of(owner).is_file():
                parts.append(HEADER)
            parts += [entry(each) + "\n" for each in missing]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Print the findings; 1 when there are some."""
    short = "--check" in arguments
    only = next((each for each in arguments if not each.startswith("-")), "")
    if only and only not in OWNERS:
        print(f"no slice {only!r}; there are {', '.join(OWNERS)}")
        return 2
    found = examine()
    text = report(found, only, short=short)
    print(text or "The catalogues are complete.")
    return 1 if text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
