"""Rules 31 to 36: which mail may be answered by a machine."""

from __future__ import annotations

import pytest

from convergio.mail.parsing import parse_message
from convergio.mail.verdict import RULES, Verdict, may_answer

QUESTION = {
    "From": "Ann <ann@x.test>",
    "To": "Support <support@convergio.test>",
    "Subject": "A question",
    "Message-ID": "<q1@x.test>",
}


def judge(body: str = "How much is it?", **changes: str) -> Verdict:
    return judge_with(changes, body=body)


def judge_with(changes: dict[str, str], *, body: str = "How much is it?", is_junk: bool = False) -> Verdict:
    """The verdict on the question with other headers; `-` leaves a header out."""
    headers = QUESTION | {name.replace("_", "-"): value for name, value in changes.items()}
    raw = "".join(f"{name}: {value}\n" for name, value in headers.items() if value != "-") + f"\n{body}\n"
    return may_answer(
        parse_message(raw.encode()),
        inbox_addresses=["Support@convergio.test"],
        own_addresses=["hello@convergio.test"],
        is_our_id=lambda message_id: message_id.endswith("@mail.convergio.test"),
        is_junk=is_junk,
    )


def test_a_question_of_a_person_may_be_answered() -> None:
    assert judge() == Verdict(True, "ok", "A person wrote to this inbox directly.")


def test_a_question_without_message_id_or_date_may_be_answered() -> None:
    assert judge(Message_ID="-").may_answer


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_submitted"),
        ({"Auto_Submitted": "auto-generated; owner-email=x@x.test"}, "auto_submitted"),
        ({"Auto_Submitted": "something-new"}, "auto_submitted"),
        ({"Return_Path": "<>"}, "null_return_path"),
        ({"List_Id": "<news.x.test>"}, "list_mail"),
        ({"List_Unsubscribe": "<https://x.test/u>"}, "list_mail"),
        ({"Precedence": "Bulk"}, "precedence"),
        ({"Precedence": "list"}, "precedence"),
        ({"Precedence": "junk"}, "precedence"),
        ({"Precedence": "auto_reply"}, "precedence"),
        ({"X_Auto_Response_Suppress": "DR, OOF"}, "auto_response_suppress"),
        ({"X_Auto_Response_Suppress": "All"}, "auto_response_suppress"),
        ({"X_Auto_Response_Suppress": "AutoReply"}, "auto_response_suppress"),
        ({"X_Auto_Response_Suppress": "DR; RN; OOF"}, "auto_response_suppress"),
        ({"X_Auto_Response_Suppress": "DR RN AutoReply"}, "auto_response_suppress"),
        ({"X_Autoreply": "yes"}, "autoreply"),
        ({"X_Autorespond": "x"}, "autoreply"),
        ({"X_Loop": "x"}, "loop"),
        ({"X_Failed_Recipients": "a@x.test"}, "failed_recipients"),
        ({"Feedback_ID": "1:2:3:x"}, "feedback_id"),
        ({"Content_Type": "multipart/report; report-type=disposition-notification; boundary=b"}, "report"),
        ({"X_Spam_Flag": "YES"}, "spam"),
        ({"X_Spam_Status": "Yes, score=9.1 required=5.0"}, "spam"),
        ({"X_Spam": "Yes"}, "spam"),
        ({"From": "MAILER-DAEMON@x.test"}, "automatic_sender"),
        ({"From": "postmaster@x.test"}, "automatic_sender"),
        ({"From": "No Reply <no-reply@x.test>"}, "automatic_sender"),
        ({"From": "do_not_reply@x.test"}, "automatic_sender"),
        ({"From": "noreply+17@x.test"}, "automatic_sender"),
        ({"From": "owner-news@x.test"}, "automatic_sender"),
        ({"From": "news-request@x.test"}, "automatic_sender"),
        ({"From": "bounces+17=ann@x.test"}, "automatic_sender"),
        ({"Return_Path": "<bounce-99@x.test>"}, "automatic_sender"),
        ({"Reply_To": "noreply@x.test"}, "automatic_sender"),
        ({"From": "support@convergio.test"}, "own_address"),
        ({"From": "Hello@Convergio.test"}, "own_address"),
        ({"Reply_To": "hello+tag@convergio.test"}, "own_address"),
        ({"Message_ID": "<x@mail.convergio.test>"}, "own_message"),
        ({"To": "other@y.test"}, "not_addressed"),
        ({"To": "-"}, "not_addressed"),
        ({"From": "-"}, "no_sender"),
        ({"Content_Type": "multipart/mixed; boundary=never"}, "damaged"),
    ],
)
def test_automatic_misdirected_and_damaged_mail_is_not_answered(changes: dict[str, str], reason: str) -> None:
    verdict = judge_with(changes)
    assert (verdict.may_answer, verdict.reason) == (False, reason)
    assert verdict.rule.endswith(".")


def test_junk_is_not_answered() -> None:
    assert judge_with({}, is_junk=True).reason == "junk"


@pytest.mark.parametrize(
    "changes",
    [
        {"Auto_Submitted": "no"},
        {"Auto_Submitted": "No (a person)"},
        {"Precedence": "first-class"},
        {"X_Auto_Response_Suppress": "DR, RN"},
        {"X_Spam_Flag": "NO"},
        {"X_Spam_Status": "No, score=-1.2 tests=YES"},
        {"Auto_Submitted": "no; owner=ann"},
        {"To": "ann@x.test", "Cc": "Support@Convergio.TEST"},
        {"To": "support+order7@convergio.test"},
        {"Return_Path": "<ann@x.test>"},
        {"From": "nora.reply@x.test"},
        {"From": "request@x.test"},
    ],
)
def test_harmless_marks_do_not_keep_a_person_waiting(changes: dict[str, str]) -> None:
    assert judge_with(changes).may_answer


OUT_OF_OFFICE = [
    "Out of office: Ann", "Automatic reply: your order", "Abwesenheitsnotiz: Urlaub", "Automatische Antwort: x",
    "Réponse automatique : x", "Respuesta automática: x", "Risposta automatica: x", "Resposta automática: x",
    "Automatisch antwoord: x", "Autosvar: x", "Automatyczna odpowiedź: x", "Автоответ: x", "自动回复: x", "自動応答: x",
    "자동 회신: x", "تلقائي رد تلقائي", "Otomatik yanıt: x", "Re: Out of the office",
]  # fmt: skip


@pytest.mark.parametrize("subject", OUT_OF_OFFICE)
def test_an_out_of_office_subject_never_decides_alone_but_supports_a_second_sign(subject: str) -> None:
    assert judge(Subject=subject).may_answer
    verdict = judge(Subject=subject, In_Reply_To="<sent-1@mail.convergio.test>")
    assert (verdict.may_answer, verdict.reason) == (False, "likely_automatic")


def test_an_answer_to_our_mail_is_no_sign_by_itself() -> None:
    assert judge(In_Reply_To="<sent-1@mail.convergio.test>").may_answer


def test_reasons_are_unique_codes_and_every_rule_has_a_sentence() -> None:
    assert len({rule.reason for rule in RULES}) == len(RULES)
    assert all(rule.reason.isidentifier() and rule.sentence.endswith(".") for rule in RULES)
