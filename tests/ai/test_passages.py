from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergio.ai.passages import MOST, MOST_HEADING, clean_markdown, cut_passages


def cut(markdown: str, title: str = "Guide") -> list[tuple[str, str]]:
    return [(passage.heading, passage.text) for passage in cut_passages(title, clean_markdown(markdown))]


def test_it_puts_the_path_of_headings_over_each_passage() -> None:
    text = "Start.\n\n# Refunds\n\nA.\n\n### Tickets\n\nB.\n\n## Shop\n\nC.\n\n# Visits\n\nD."
    assert cut(text) == [
        ("Guide", "Start."),
        ("Guide › Refunds", "A."),
        ("Guide › Refunds › Tickets", "B."),
        ("Guide › Refunds › Shop", "C."),
        ("Guide › Visits", "D."),
    ]


def test_it_says_a_heading_that_repeats_the_title_once() -> None:
    assert cut("# GUIDE\n\nA.\n\n## Shop\n\nB.") == [("Guide", "A."), ("Guide › Shop", "B.")]


def test_it_reads_underlined_headings_and_drops_markup_from_them() -> None:
    assert cut("A **bold** [link](https://a.example)\n====\n\ntext") == [("Guide › A bold link", "text")]


def test_it_keeps_a_list_with_the_sentence_that_introduces_it() -> None:
    assert cut("You need:\n\n- a phone\n- time\n  - in the evening\n\n1. one") == [
        ("Guide", "You need:\n\n- a phone\n- time\n  - in the evening\n\n1. one")
    ]


def test_it_does_not_take_a_hash_in_code_for_a_heading() -> None:
    assert cut("```sh\n# not a heading\nls\n```") == [("Guide", "```sh\n# not a heading\nls\n```")]


def test_it_keeps_tables_whole() -> None:
    table = "| What | From |\n|---|---|\n| Short | ₹45,000 |"
    assert cut(f"Prices.\n\n{table}") == [("Guide", f"Prices.\n\n{table}")]


def test_it_leaves_out_comments_and_rules_and_does_not_join_over_them() -> None:
    assert cut("Before.\n\n<!-- ask Lata first -->\n\nAfter.\n\n---\n\nEnd.") == [
        ("Guide", "Before."),
        ("Guide", "After."),
        ("Guide", "End."),
    ]


def test_it_divides_a_long_paragraph_at_the_ends_of_sentences() -> None:
    paragraph = " ".join(f"This is sentence number {number} of a long text." for number in range(80))
    passages = cut(paragraph)
    assert len(passages) > 3
    assert all(len(text) <= MOST and text.endswith(".") for _, text in passages)
    assert " ".join(text for _, text in passages) == paragraph


def test_it_divides_text_without_any_space() -> None:
    passages = cut("字" * 3000)
    assert [len(text) for _, text in passages] == [MOST, MOST, MOST, 3000 - 3 * MOST]


def test_it_finds_sentence_ends_of_other_scripts() -> None:
    assert all(text.endswith("。") for _, text in cut("これは長い文章です。" * 200))
    assert all(text.endswith("।") for _, text in cut("यह एक लंबा वाक्य है। " * 100))


@pytest.mark.parametrize("text", ["", "   \n", "# Only\n\n## headings", "[a]: https://a.example", "---"])
def test_it_finds_nothing_to_quote_in_a_text_that_says_nothing(text: str) -> None:
    assert cut(text) == []


def test_it_makes_line_ends_equal_and_drops_nul() -> None:
    assert clean_markdown("\r\nA\x00\r\nB\rC\n") == "A\nB\nC"


def test_it_cuts_a_heading_path_to_what_the_column_holds() -> None:
    ((heading, _),) = cut("## " + "long " * 100 + "\n\ntext", title="T" * 200)
    assert len(heading) == MOST_HEADING


def test_a_huge_document_with_deep_nesting_is_cut_in_time() -> None:
    text = (">" * 3000 + " a\n\n") * 10 + ("[" * 3000 + "\n\n") * 10 + "word " * 30_000
    started = time.process_time()
    passages = cut_passages("Guide", clean_markdown(text))
    assert len(passages) > 100
    assert time.process_time() - started < 5


blocks = st.sampled_from(
    [
        "# H",
        "## ढ",
        "para *x* <b>",
        "- a\n  - b",
        "> q",
        "```\n# c",
        "    code",
        "|a|\n|-|\n|1|",
        "<!-- n -->",
        "---",
    ]
)
markdown = st.lists(blocks | st.text(max_size=1200), max_size=12).map("\n\n".join)


@given(markdown)
def test_every_passage_is_an_exact_part_of_its_document(text: str) -> None:
    stored = clean_markdown(text)
    position = 0
    for passage in cut_passages("Guide", stored):
        position = stored.index(passage.text, position) + len(passage.text)
        assert passage.text.strip()
        assert len(passage.text) <= MOST
