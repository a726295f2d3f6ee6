"""Rule 51: quotes are folded away for reading, and never more than quotes."""

from __future__ import annotations

import pytest

from convergio.mail.display import strip_quotes

INTRODUCTIONS = [
    "On Tue, Nov 24, 2026 at 9:30 AM Ann <ann@x.test> wrote:",
    "On Tue, Nov 24, 2026 at 9:30 AM Ann Very Long Name\n<ann@x.test> wrote:",
    "Am 24.11.2026 um 09:30 schrieb Ann:",
    "Am Di., 24. Nov. 2026 um 09:30 Uhr schrieb Ann <ann@x.test>:",
    "Le 24/11/2026 à 09:30, Ann a écrit :",
    "El 24/11/2026 a las 9:30, Ann escribió:",
    "Il giorno 24 nov 2026, alle ore 09:30, Ann ha scritto:",
    "Em 24/11/2026 09:30, Ann escreveu:",
    "Op 24-11-2026 om 09:30 schreef Ann:",
    "Den 24 nov. 2026 kl. 09:30 skrev Ann:",
    "W dniu 24.11.2026 o 09:30, Ann pisze:",
    "Dnia 24 listopada 2026 Ann napisał(a):",
    "24.11.2026 09:30, Ann пишет:",
    "24 нояб. 2026 г., в 9:30, Ann написал(а):",
    "Dne 24. 11. 2026 v 9:30 Ann napsal(a):",
    "24.11.2026 9:30 keltezéssel, Ann írta:",
    "24 Kas 2026 Sal, 09:30 tarihinde Ann şunu yazdı:",
    "Στις 24/11/2026 9:30, Ann έγραψε:",
    "在 2026年11月24日 09:30，Ann 写道：",
    "2026年11月24日 09:30、Annのメール:",
    "2026. 11. 24. 09:30, Ann 님이 작성:",
    '24.11.2026, 09:30, "Ann" <ann@x.test>:',
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_it_folds_a_quote_with_its_introduction_in_many_languages(introduction: str) -> None:
    quoted = strip_quotes(f"Thank you!\n\n{introduction}\n\n> How are you?\n> Ann\n")
    assert quoted.visible == "Thank you!"
    assert quoted.hidden.startswith(introduction)
    assert "How are you?" in quoted.hidden


@pytest.mark.parametrize(
    "head",
    [
        "-----Original Message-----\nFrom: Ann",
        "-----Ursprüngliche Nachricht-----\nVon: Ann",
        "________________________________\nFrom: Ann <ann@x.test>\nSent: 24 November 2026\nTo: us\nSubject: Hi",
        "Von: Ann\nGesendet: Dienstag\nAn: us\nBetreff: Hi",
        "De : Ann\nEnvoyé : mardi\nÀ : us\nObjet : Hi",
        "发件人: Ann\n发送时间: 2026\n收件人: us\n主题: Hi",
        "*From:* Ann\n*Sent:* Tuesday\n*To:* us\n*Subject:* Hi",
        "Date: Tue, 24 Nov 2026\nFrom: ann@x.test\nTo: us@x.test\nSubject: Hi",
    ],
)
def test_it_folds_a_quote_under_a_block_of_headers(head: str) -> None:
    quoted = strip_quotes(f"Thank you!\n\n{head}\n\nHow are you?\n")
    assert quoted.visible == "Thank you!"
    assert "How are you?" in quoted.hidden


def test_an_answer_between_the_quoted_lines_shows_all() -> None:
    text = "Hello,\n\n> When?\n\nTomorrow.\n\n> Where?\n\nHere.\n"
    assert strip_quotes(text) == strip_quotes(text).__class__(text, "")


def test_an_answer_below_the_quote_stays_and_the_quote_goes() -> None:
    quoted = strip_quotes("On 24 Nov 2026 at 09:30 Ann wrote:\n> When?\n\nTomorrow.\n")
    assert quoted.visible == "Tomorrow."
    assert "> When?" in quoted.hidden


def test_a_mail_that_is_only_a_quote_shows_all() -> None:
    text = "On 24 Nov 2026 at 09:30 Ann wrote:\n> When?\n"
    assert (strip_quotes(text).visible, strip_quotes(text).hidden) == (text, "")


def test_a_signature_after_the_quote_is_no_answer() -> None:
    assert strip_quotes("Yes.\n\n> When?\n\n-- \nBob\n").visible == "Yes."
    assert strip_quotes("Yes.\n\n> When?\n_______________\nlist footer\n").visible == "Yes."


@pytest.mark.parametrize(
    "text",
    [
        "He once wrote:\nall is well.",
        "On the other hand, she wrote:\nno.",
        "From: a good start\nto a better end.",
        "Begin forwarded message:\n\nFrom here it goes on.",
        "Prices > 5 and < 7.",
        "",
    ],
)
def test_prose_and_forwards_are_left_alone(text: str) -> None:
    assert (strip_quotes(text).visible, strip_quotes(text).hidden) == (text, "")


def test_no_line_is_lost() -> None:
    for introduction in INTRODUCTIONS:
        text = f"Above.\n\n{introduction}\n> quoted\n>> deeper\n\n-- \nsig"
        quoted = strip_quotes(text)
        shown = quoted.visible.splitlines() + quoted.hidden.splitlines()
        assert [line for line in shown if line.strip()] == [
            line for line in text.splitlines() if line.strip()
        ]
