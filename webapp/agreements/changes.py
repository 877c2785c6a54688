"""What differs between two versions of a text: clause by clause, then passage by passage, then word by word.

Plain values in, plain values out. A clause is a heading with the passages below it; clauses are matched by their titles,
else by their numbers. Within a passage the smallest pieces are numbers, words, and single characters where a script
writes no blanks. Each step only looks inside what the step before could not match, so that long texts stay quick.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html.parser import HTMLParser
from itertools import chain, groupby

SAME, REMOVED, ADDED = "same", "removed", "added"
#: A pair of passages so alike is one that changed; less alike, one that went and one that came.
ALIKE = 0.4
#: More comparisons than these are not made piece by piece: sentences are compared first, or passages in their order.
MOST = 250_000
FARTHEST = 200  # so many pieces a change is moved at most, to begin where a sentence does

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_PIECE = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|.", re.DOTALL)
_SENTENCE = re.compile(r".*?(?:[。!?]|[.!?](?=\s)|$)\s*", re.DOTALL)
_HEADING = re.compile(r"\s*(?:第\s*)?(\d+(?:\.\d+)*)(?:\s*[条項章])?[.)]?\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class Passage:
    """A paragraph ("p"), an item of a list ("li") or a row of a table ("tr")."""

    kind: str
    text: str


@dataclass(frozen=True)
class Clause:
    """A heading (empty before the first one) with what stands below it up to the next. `level` is that of the heading."""

    heading: str
    level: int
    passages: tuple[Passage, ...]

    @property
    def number(self) -> str:
        """ "3.2" of "3.2 Prices"; empty without one."""
        return _numbered(self.heading)[0]

    @property
    def title(self) -> str:
        """ "Prices" of "3.2 Prices"."""
        return _numbered(self.heading)[1]


def _numbered(heading: str) -> tuple[str, str]:
    match = _HEADING.fullmatch(unicodedata.normalize("NFKC", heading))
    return (match[1], match[2]) if match else ("", heading)


@dataclass(frozen=True)
class Piece:
    """Some text that stayed ("same"), went ("removed") or came ("added"). `is_number`: it is a number that did not stay."""

    what: str
    text: str
    is_number: bool = False


Mark = tuple[str, tuple[Piece, ...]]


def _marks(pieces: Sequence[Piece]) -> list[Mark]:
    """Pieces in runs that went, came or stayed together: each run is marked as one."""
    return [(what, tuple(run)) for what, run in groupby(pieces, lambda each: each.what)]


@dataclass(frozen=True)
class PassageChange:
    """A passage of either version. `what`: "same", "removed", "added" or "changed"."""

    kind: str
    what: str
    pieces: tuple[Piece, ...]

    @property
    def marks(self) -> list[Mark]:
        """Its pieces in runs: (what, pieces)."""
        return _marks(self.pieces)


@dataclass(frozen=True)
class ClauseChange:
    """A clause of either version. `what`: "same", "renumbered" (only its heading changed), "removed", "added" or
    "changed"; `numbers`: the numbers that changed, old and new."""

    what: str
    level: int
    heading: tuple[Piece, ...]
    passages: tuple[PassageChange, ...]
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """The pieces of its heading in runs: (what, pieces)."""
        return _marks(self.heading)

    @property
    def blocks(self) -> list[tuple[str, list[PassageChange]]]:
        """Its passages, those of one kind that follow each other together: the items of a list."""
        return [(kind, list(some)) for kind, some in groupby(self.passages, lambda each: each.kind)]


@dataclass(frozen=True)
class Changes:
    """All clauses of both versions, in their order."""

    clauses: tuple[ClauseChange, ...]

    @property
    def to_read(self) -> list[ClauseChange]:
        """The clauses that are not the same."""
        return [each for each in self.clauses if each.what != SAME]

    def count(self, what: str) -> int:
        """How many clauses are "same", "changed" …"""
        return sum(each.what == what for each in self.clauses)


# --- reading a published text ----------------------------------------------------------------------------------------


class _Reader(HTMLParser):
    """Clauses of a published text, from its HTML as it was rendered once."""

    HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.clauses: list[tuple[str, int, list[Passage]]] = [("", 0, [])]
        self._text: list[str] = []
        self._kinds: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.HEADINGS or tag in {"p", "pre", "li", "tr"}:
            self._end_passage()
            self._kinds.append(tag)
        elif tag in {"td", "th"} and "".join(self._text).strip():
            self._text.append(" | ")
        elif tag == "br":
            self._text.append("\n")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._text)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            address, start = self._links.pop()
            if "".join(self._text[start:]) not in address:  # else the address is there to be read
                self._text.append(f" ({address})")
        elif self._kinds and tag == self._kinds[-1]:
            self._end_passage()
            self._kinds.pop()

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def _end_passage(self) -> None:
        text, self._text, self._links = _flowing("".join(self._text)), [], []
        if not text:
            return
        kind = self._kinds[-1] if self._kinds else "p"
        if kind in self.HEADINGS:
            self.clauses.append((text, self.HEADINGS[kind], []))
        else:
            in_list = "li" in self._kinds
            self.clauses[-1][2].append(Passage("li" if in_list else "tr" if kind == "tr" else "p", text))

    def read(self, html: str) -> list[Clause]:
        self.feed(html)
        self.close()
        self._end_passage()
        found = [Clause(heading, level, tuple(passages)) for heading, level, passages in self.clauses]
        return [each for each in found if each.heading or each.passages]


def _flowing(text: str) -> str:
    """Text in one line: no blank where a line was broken between two characters of a script without blanks."""
    wide = "[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
    return re.sub(r"\s+", " ", re.sub(rf"(?<={wide})\s*\n\s*(?={wide})", "", text)).strip()


def clauses_of(html: str) -> list[Clause]:
    """The clauses of a published text."""
    return _Reader().read(html)


# --- comparing -------------------------------------------------------------------------------------------------------


def between(before: Sequence[Clause], now: Sequence[Clause]) -> Changes:
    """What differs between two versions, in the order of both."""
    found: list[ClauseChange] = []
    for old, new in _matched(before, now):
        found.append(_clause(old, new))
    return Changes(tuple(found))


Pairs = Iterator[tuple[Clause | None, Clause | None]]


def _matched(before: Sequence[Clause], now: Sequence[Clause]) -> Pairs:
    """Clauses in pairs: first those of the same title, then, between them, those of the same number."""
    for same_title, olds, news in _aligned(
        before, now, lambda each: (each.level, _compared(each.title) or each.number)
    ):
        if same_title:
            yield olds[0], news[0]
            continue
        for same_number, some, others in _aligned(olds, news, lambda each: each.number or each.heading):
            if same_number:
                yield some[0], others[0]
            else:
                yield from ((each, None) for each in some)
                yield from ((None, each) for each in others)


def _compared(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _aligned(
    before: Sequence[Clause], now: Sequence[Clause], key: Callable[[Clause], object]
) -> Iterator[tuple[bool, Sequence[Clause], Sequence[Clause]]]:
    """Both sequences cut at what has the same key: (True, a pair of single clauses) for each such, and (False, what lies
    between)."""
    matcher = SequenceMatcher(None, [key(each) for each in before], [key(each) for each in now], autojunk=False)
    for operation, i, end_i, j, end_j in matcher.get_opcodes():
        if operation == "equal":
            yield from ((True, [old], [new]) for old, new in zip(before[i:end_i], now[j:end_j], strict=True))
        else:
            yield False, before[i:end_i], now[j:end_j]


def _clause(old: Clause | None, new: Clause | None) -> ClauseChange:
    if old is None or new is None:
        only, what = (new, ADDED) if old is None else (old, REMOVED)
        assert only is not None
        passages = tuple(_whole(each, what) for each in only.passages)
        return ClauseChange(what, only.level, (Piece(what, only.heading),), passages)
    passages = tuple(_passages(old.passages, new.passages))
    heading = (Piece(SAME, old.heading),) if old.heading == new.heading else tuple(pieces(old.heading, new.heading))
    if any(each.what != SAME for each in passages):
        what = "changed"
    elif old.heading != new.heading:
        what = "renumbered" if old.title == new.title else "changed"
    else:
        what = SAME
    return ClauseChange(what, new.level, heading, passages, tuple(_numbers(passages)))


def _whole(passage: Passage, what: str) -> PassageChange:
    return PassageChange(passage.kind, what, (Piece(what, passage.text),))


def _passages(before: Sequence[Passage], now: Sequence[Passage]) -> Iterator[PassageChange]:
    matcher = SequenceMatcher(None, before, now, autojunk=False)
    for operation, i, end_i, j, end_j in matcher.get_opcodes():
        if operation == "equal":
            yield from (_whole(each, SAME) for each in before[i:end_i])
            continue
        for old, new in _alike(before[i:end_i], now[j:end_j]):
            if old is None or new is None:
                assert old is not None or new is not None
                yield _whole(old, REMOVED) if old is not None else _whole(new, ADDED)  # type: ignore[arg-type]
            else:
                yield PassageChange(new.kind, "changed", tuple(pieces(old.text, new.text)))


def _alike(before: Sequence[Passage], now: Sequence[Passage]) -> list[tuple[Passage | None, Passage | None]]:
    """Passages in pairs, in the order of both, so that together the pairs are as alike as can be."""
    olds, news = [_bag(each) for each in before], [_bag(each) for each in now]
    if len(olds) * len(news) > MOST // 100:  # too many to try: each with the one at its place
        return _in_place(before, now, [_likeness(a, b) >= ALIKE for a, b in zip(olds, news, strict=False)])
    scores = [[_likeness(a, b) for b in news] for a in olds]
    best = [[0.0] * (len(news) + 1) for _ in range(len(olds) + 1)]  # best[i][j]: what those from i and j on can reach
    for i in reversed(range(len(olds))):
        for j in reversed(range(len(news))):
            paired = scores[i][j] + best[i + 1][j + 1] if scores[i][j] >= ALIKE else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    found: list[tuple[Passage | None, Passage | None]] = []
    i = j = 0
    while i < len(olds) and j < len(news):
        if scores[i][j] >= ALIKE and best[i][j] == scores[i][j] + best[i + 1][j + 1]:
            found.append((before[i], now[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            found.append((before[i], None))
            i += 1
        else:
            found.append((None, now[j]))
            j += 1
    return [*found, *((each, None) for each in before[i:]), *((None, each) for each in now[j:])]


def _in_place(
    before: Sequence[Passage], now: Sequence[Passage], alike: Sequence[bool]
) -> list[tuple[Passage | None, Passage | None]]:
    found: list[tuple[Passage | None, Passage | None]] = []
    for old, new, pair in zip(before, now, alike, strict=False):
        found += [(old, new)] if pair else [(old, None), (None, new)]
    rest = len(alike)
    return [*found, *((each, None) for each in before[rest:]), *((None, each) for each in now[rest:])]


def _bag(passage: Passage) -> tuple[str, Counter[str]]:
    return passage.kind, Counter(each for each in _PIECE.findall(passage.text) if not each.isspace())


def _likeness(one: tuple[str, Counter[str]], other: tuple[str, Counter[str]]) -> float:
    """From 0 (nothing in common) to 1 (the same pieces)."""
    if one[0] != other[0]:
        return 0.0
    all_of_both = one[1].total() + other[1].total()
    return 2 * (one[1] & other[1]).total() / all_of_both if all_of_both else 1.0


# --- inside a passage ------------------------------------------------------------------------------------------------


def pieces(before: str, now: str) -> list[Piece]:
    """What of a passage stayed, went and came. Joined without what came it is the old text, without what went the new."""
    return list(_numbers_apart(_readable(_compare(_PIECE.findall(before), _PIECE.findall(now)))))


Run = tuple[str, str]


def _compare(before: Sequence[str], now: Sequence[str]) -> list[Run]:
    """Runs of (what, text). Common beginnings and ends are set aside first; what is long is cut into sentences."""
    shortest = min(len(before), len(now))
    start = next((i for i in range(shortest) if before[i] != now[i]), shortest)
    shortest -= start
    end = next((i for i in range(shortest) if before[-1 - i] != now[-1 - i]), shortest)
    olds, news = before[start : len(before) - end], now[start : len(now) - end]
    runs = [(SAME, "".join(before[:start]))]
    if len(olds) * len(news) <= MOST:
        runs += _steps(olds, news)
    else:
        runs += _by_sentences("".join(olds), "".join(news))
    runs.append((SAME, "".join(before[len(before) - end :])))
    return [run for run in runs if run[1]]


def _steps(before: Sequence[str], now: Sequence[str]) -> Iterator[Run]:
    for operation, i, end_i, j, end_j in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if operation == "equal":
            yield SAME, "".join(before[i:end_i])
        else:
            yield REMOVED, "".join(before[i:end_i])
            yield ADDED, "".join(now[j:end_j])


def _by_sentences(before: str, now: str) -> Iterator[Run]:
    olds, news = ([each for each in _SENTENCE.findall(text) if each] for text in (before, now))
    if len(olds) * len(news) > MOST:
        yield REMOVED, before
        yield ADDED, now
        return
    for operation, i, end_i, j, end_j in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        some, others = "".join(olds[i:end_i]), "".join(news[j:end_j])
        if operation == "equal":
            yield SAME, some
        elif end_i - i == end_j - j == 1 and len(some) * len(others) <= MOST:
            yield from _compare(_PIECE.findall(some), _PIECE.findall(others))
        else:
            yield REMOVED, some
            yield ADDED, others


def _readable(runs: Sequence[Run]) -> list[Run]:
    """The same with fewer seams: what stayed between two changes, and is no longer than either of them, changed as well.

    A letter that two words happen to share says nothing. A number that stayed is always left alone.
    """
    hunks = _hunks(runs)
    merged = True
    while merged:
        merged = False
        for at in range(1, len(hunks) - 1):
            stayed, left, right = hunks[at], hunks[at - 1], hunks[at + 1]
            if isinstance(stayed, str) and _says_little(stayed, left, right):
                assert not isinstance(left, str)
                assert not isinstance(right, str)
                hunks[at - 1 : at + 2] = [(left[0] + stayed + right[0], left[1] + stayed + right[1])]
                merged = True
                break
    _shift(hunks)
    found: list[Run] = []
    for hunk in hunks:
        found += [(SAME, hunk)] if isinstance(hunk, str) else [(REMOVED, hunk[0]), (ADDED, hunk[1])]
    return [run for run in found if run[1]]


def _says_little(stayed: str, left: str | tuple[str, str], right: str | tuple[str, str]) -> bool:
    if NUMBER.search(stayed) or isinstance(left, str) or isinstance(right, str):
        return False
    return len(stayed) <= max(map(len, left)) and len(stayed) <= max(map(len, right))


def _shift(hunks: list[str | tuple[str, str]]) -> None:
    """Move what only came, or only went, to the end of a sentence where the same words can be read that way: "it ends.
    [It begins again.]" rather than "it ends[. It begins again]."."""
    for at in range(1, len(hunks) - 1):
        left, changed, right = hunks[at - 1 : at + 2]
        if isinstance(changed, str) or all(changed) or not isinstance(left, str) or not isinstance(right, str):
            continue
        middle = changed[0] or changed[1]
        best = max(_places(left, middle, right), key=lambda place: _evenness(*place[:2]))
        hunks[at - 1], hunks[at + 1] = best[0], best[2]
        hunks[at] = (best[1], "") if changed[0] else ("", best[1])


def _places(left: str, middle: str, right: str) -> Iterator[tuple[str, str, str]]:
    """The same text before and after, with the change in its middle at each place where it can stand; as it is first."""
    yield left, middle, right
    before, inside, after = _PIECE.findall(left), _PIECE.findall(middle), _PIECE.findall(right)
    for _step in range(FARTHEST):
        if not after or after[0] != inside[0]:
            break
        before, inside, after = [*before, inside[0]], [*inside[1:], after[0]], after[1:]
        yield "".join(before), "".join(inside), "".join(after)
    before, inside, after = _PIECE.findall(left), _PIECE.findall(middle), _PIECE.findall(right)
    for _step in range(FARTHEST):
        if not before or before[-1] != inside[-1]:
            break
        before, inside, after = before[:-1], [before[-1], *inside[:-1]], [inside[-1], *after]
        yield "".join(before), "".join(inside), "".join(after)


def _evenness(left: str, middle: str) -> int:
    """How well a change reads that begins after `left`: after a sentence, after a comma or blank, anywhere."""
    if not left.strip() or re.search(r"[。.!?!?]\s*$", left):
        return 2 if re.search(r"[。.!?!?]\s*$", middle) else 1
    return 1 if re.search(r"[、,]\s*$", left) and re.search(r"[、,]\s*$", middle) else 0


def _hunks(runs: Sequence[Run]) -> list[str | tuple[str, str]]:
    """Runs as an alternation of what stayed (a text) and what changed (old, new)."""
    found: list[str | tuple[str, str]] = []
    for what, text in runs:
        last = found[-1] if found else None
        if what == SAME:
            found[-1:] = [last + text] if isinstance(last, str) else [*([last] if last is not None else []), text]
        else:
            old, new = last if isinstance(last, tuple) else ("", "")
            changed = (old + text, new) if what == REMOVED else (old, new + text)
            found[-1:] = [changed] if isinstance(last, tuple) else [*([last] if last is not None else []), changed]
    return found


def _numbers_apart(runs: Sequence[Run]) -> Iterator[Piece]:
    """Numbers that went or came as pieces of their own."""
    for what, text in runs:
        if what == SAME:
            yield Piece(what, text)
            continue
        last = 0
        for match in NUMBER.finditer(text):
            if match.start() > last:
                yield Piece(what, text[last : match.start()])
            yield Piece(what, match[0], is_number=True)
            last = match.end()
        if last < len(text):
            yield Piece(what, text[last:])


def _numbers(passages: Sequence[PassageChange]) -> Iterator[tuple[str, str]]:
    """The numbers that one version has in the place of others, old and new."""
    for passage in passages:
        if passage.what != "changed":
            continue
        went: list[str] = []
        came: list[str] = []
        for piece in chain(passage.pieces, [Piece(SAME, "")]):
            if piece.what == SAME:
                yield from ((a, b) for a, b in zip(went, came, strict=False) if a != b)
                went, came = [], []
            elif piece.is_number:
                (went if piece.what == REMOVED else came).append(piece.text)
