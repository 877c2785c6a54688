"""What differs between two versions: tables in both languages, and that the marked changes make the new text of the old."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import ROOT
from webapp.agreements import actions, changes
from webapp.agreements.changes import Changes, Clause, Passage, Piece

SAMPLES = ROOT / "webapp" / "agreements" / "samples"


def _marked(found: list[Piece]) -> str:
    """Pieces as one line: [-what went-] {+what came+}, numbers that changed with a # before them."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[each.what].format("#" * each.is_number + each.text) for each in found)


@pytest.mark.parametrize(
    ("before", "now", "marked"),
    [
        ("within 30 days", "within 30 days", "within 30 days"),
        ("within 30 days", "within 90 days", "within [-#30-]{+#90+} days"),
        ("30日以内に通知する。", "90日以内に通知する。", "[-#30-]{+#90+}日以内に通知する。"),
        ("a fee of 1,000 yen", "a fee of 1,500 yen", "a fee of [-#1,000-]{+#1,500+} yen"),
        ("see clause 5.4", "see clause 5.5", "see clause [-#5.4-]{+#5.5+}"),
        ("30日前", "30日前まで", "30日前{+まで+}"),
        ("\uff11\uff12時", "12時", "[-#\uff11\uff12-]{+#12+}時"),
        ("you may end it", "you must end it", "you [-may-]{+must+} end it"),
        ("ends at once", "ends on notice", "ends [-at once-]{+on notice+}"),
        ("It ends.", "It ends. It begins again.", "It ends.{+ It begins again.+}"),
        ("It ends. It begins again.", "It ends.", "It ends.[- It begins again.-]"),
        ("通知する。", "通知する。承諾を得て終了する。", "通知する。{+承諾を得て終了する。+}"),
        ("当社は、提示する。", "当社は、変更箇所を示して、提示する。", "当社は、{+変更箇所を示して、+}提示する。"),
        ("", "All of it.", "{+All of it.+}"),
        ("All of it.", "", "[-All of it.-]"),
        ("", "", ""),
    ],
)
def test_a_passage_is_compared_word_by_word_or_character_by_character(before: str, now: str, marked: str) -> None:
    assert _marked(changes.pieces(before, now)) == marked


def _clause(heading: str, *texts: str, level: int = 2) -> Clause:
    return Clause(heading, level, tuple(Passage("p", text) for text in texts))


FIVE = [_clause("1. Start", "We start."), _clause("2. Price", "Ten."), _clause("3. Data", "Yours."), _clause("4. End", "It ends.")]  # fmt: skip
日本 = [
    _clause("第1条 目的", "目的を定める。"),
    _clause("第2条 期間", "期間は30日とする。"),
    _clause("第3条", "雑則。"),
]


@pytest.mark.parametrize(
    ("before", "now", "whats"),
    [
        (FIVE, FIVE, "same same same same"),
        (FIVE, [*FIVE[:1], *FIVE[2:]], "same removed same same"),
        (FIVE, [*FIVE, _clause("5. More", "More.")], "same same same same added"),
        (FIVE[1:], FIVE, "added same same same"),
        # one in the middle: those after it only have other numbers
        (
            FIVE,
            [FIVE[0], _clause("2. New", "Something."), _clause("3. Price", "Ten."), _clause("4. Data", "Yours."), _clause("5. End", "It ends.")],
            "same added renumbered renumbered renumbered",
        ),
        # the same number with another title
        (FIVE, [*FIVE[:3], _clause("4. Termination", "It ends.")], "same same same changed"),
        (FIVE, [*FIVE[:3], _clause("4. End", "It ends at once.")], "same same same changed"),
        (日本, [*日本[:1], _clause("第2条 期間", "期間は90日とする。"), 日本[2]], "same changed same"),
        (日本, [日本[0], _clause("第2条 料金", "料金を定める。"), _clause("第3条 期間", "期間は30日とする。"), _clause("第4条", "雑則。")], "same added renumbered removed added"),
        ([_clause("", "A text without headings."), ], [_clause("", "A text without a heading.")], "changed"),
        ([], FIVE[:1], "added"),
        ([], [], ""),
    ],
)  # fmt: skip
def test_clauses_are_matched_by_title_and_then_by_number(before: list[Clause], now: list[Clause], whats: str) -> None:
    found = changes.between(before, now)
    assert " ".join(each.what for each in found.clauses) == whats
    assert _sides(found) == (_plain(before), _plain(now))


def test_passages_that_changed_a_little_are_paired_and_others_are_not() -> None:
    before = [_clause("1. X", "We tell you 30 days before.", "You keep a copy.")]
    now = [_clause("1. X", "Something quite different is put in front here.", "We tell you 60 days before.", "You keep a copy.")]  # fmt: skip
    [clause] = changes.between(before, now).clauses
    assert [each.what for each in clause.passages] == ["added", "changed", "same"]
    assert clause.numbers == (("30", "60"),)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_numbers_that_changed_since_the_oldest_sample_are_the_same_in_both_languages(language: str) -> None:
    old, new = (_sample(name, language) for name in ("customer-agreement-2022-10", "customer-agreement"))
    found = changes.between(old, new)
    numbers = {clause.heading[0].text.split()[0]: clause.numbers for clause in found.to_read if clause.numbers}
    numbers.pop("10.4", None)  # written in letters in English
    assert numbers == {
        "2.4": (("60", "90"),), "4.4": (("30", "60"),), "5.3": (("14", "30"),), "5.4": (("30", "90"),),
        "8.3": (("7", "14"),), "14.2": (("90", "60"),),
    }  # fmt: skip
    assert {what: found.count(what) for what in ("changed", "added", "removed", "renumbered")} == {
        "changed": 9, "added": 1, "removed": 1, "renumbered": 0,
    }  # fmt: skip
    assert _sides(found) == (_plain(old), _plain(new))


def _sample(name: str, language: str) -> list[Clause]:
    return changes.clauses_of(actions.rendered(Path(SAMPLES / f"{name}.{language}.md").read_text("utf-8")))


def test_a_published_text_is_read_as_headings_paragraphs_items_and_rows() -> None:
    html = (
        '<h2 id="part">Title</h2><p>One\ntwo &amp; <em>three</em>.</p><h3 id="c">1.1 List</h3><ul><li>a</li><li><p>b</p></li>'
        "</ul><table><tr><th>x</th><th>y</th></tr></table><p>日本\n語 <a href='https://a.example/x'>here</a></p>"
    )
    assert changes.clauses_of(html) == [
        Clause("Title", 2, (Passage("p", "One two & three."),)),
        Clause("1.1 List", 3, (
            Passage("li", "a"), Passage("li", "b"), Passage("tr", "x | y"), Passage("p", "日本語 here (https://a.example/x)"),
        )),
    ]  # fmt: skip


# --- whatever the texts are ------------------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("日本語契約条項、。 0123456789ABCab.,!? \n第期間𠮷🏴"), max_size=60)
PASSAGES = st.builds(Passage, st.sampled_from(["p", "li", "tr"]), WORDS.filter(lambda text: text != ""))
CLAUSES = st.lists(
    st.builds(
        Clause, st.sampled_from(["", "1. A", "2. A", "2. B", "第3条 雑則", "第4条", "C"]), st.integers(2, 3),
        st.lists(PASSAGES, max_size=4).map(tuple),
    ),
    max_size=6,
)  # fmt: skip


def _plain(clauses: list[Clause]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(each.heading, [(p.kind, p.text) for p in each.passages]) for each in clauses]


def _sides(found: Changes) -> tuple[object, object]:
    """Both texts, made again of the marked changes."""
    sides = []
    for other in ("added", "removed"):
        side = []
        for clause in (each for each in found.clauses if each.what != other):
            passages = [(p.kind, _text(p.pieces, other)) for p in clause.passages if p.what != other]
            side.append((_text(clause.heading, other), passages))
        sides.append(side)
    return sides[0], sides[1]


def _text(found: tuple[Piece, ...], without: str) -> str:
    return "".join(each.text for each in found if each.what != without)


@given(CLAUSES, CLAUSES)
def test_the_marked_changes_make_the_new_text_of_the_old(before: list[Clause], now: list[Clause]) -> None:
    assert _sides(changes.between(before, now)) == (_plain(before), _plain(now))


@given(WORDS, WORDS)
def test_the_marked_pieces_make_the_new_passage_of_the_old(before: str, now: str) -> None:
    found = changes.pieces(before, now)
    assert _text(tuple(found), "added") == before
    assert _text(tuple(found), "removed") == now
    assert all(each.text for each in found)
    assert all(a.what != b.what or a.is_number or b.is_number for a, b in pairwise(found))


@given(CLAUSES)
def test_nothing_is_marked_between_a_text_and_itself(clauses: list[Clause]) -> None:
    assert changes.between(clauses, clauses).to_read == []


def test_a_long_text_is_compared_in_a_moment_however_it_is_cut() -> None:
    some = random.Random(7)

    def text(length: int) -> str:
        return "".join(
            some.choice("契約条項利用者当社は製品を提供するデータの保護期間。日以内に通知") for _ in range(length)
        )

    long, longer = text(100_000), text(100_000)
    few = [_clause(f"{number}. {number}", *(text(200) for _ in range(5))) for number in range(100)]
    others = [_clause(each.heading, *(p.text.replace("契", "約") for p in each.passages)) for each in few]
    began = time.perf_counter()
    assert "".join(each.text for each in changes.pieces(long, longer) if each.what != "added") == long
    assert changes.between(few, others).count("same") < 100
    assert time.perf_counter() - began < 20  # by character it would be ten thousand million comparisons
