"""Taking messages up: stored whole, once, in the right conversation, with their task."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from convergio.core import sql
from convergio.core.storage import storage
from convergio.mail.identity import fresh_message_id
from convergio.mail.ingest import Arrival, Receiver, store_messages
from convergio.mail.models import Email, EmailDelivery, EmailThread, Inbox, ThreadInbox
from convergio.work.models import Task
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of


def test_it_stores_bytes_row_thread_tag_and_task_together(receiver: Receiver) -> None:
    raw = raw_message()
    [stored] = store_messages(receiver, [arrival(raw)])
    email = Email.objects.get(id=stored.email_id)
    assert bytes(email.raw_source) == raw
    assert (email.subject, email.from_address, email.tag) == (
        "Refund for my order",
        "ananya@lumen.example",
        "Support",
    )
    assert (email.message_id, email.to_address, email.direction) == (
        "first@lumen.example",
        "support@convergio.test",
        "inbound",
    )
    assert email.reply_allowed
    task = Task.objects.get(email_id=email.id)
    assert (task.title, task.source, task.status, task.priority) == (
        "Refund for my order",
        "commboost",
        "todo",
        "medium",
    )
    thread = EmailThread.objects.get(id=email.thread_id)
    assert (thread.message_count, thread.unread_count, thread.last_email_id) == (1, 1, email.id)
    assert ThreadInbox.objects.get(thread=thread).inbox_id == receiver.inbox_id


def test_all_or_nothing_when_the_caller_fails_inside_the_transaction(receiver: Receiver) -> None:
    def fail() -> None:
        raise ConnectionError("the cursor could not be moved")

    with pytest.raises(ConnectionError):
        store_messages(receiver, [arrival(raw_message())], also=fail)
    assert not Email.objects.exists()
    assert not Task.objects.exists()
    assert sql.fetch_value("SELECT count(*) FROM procrastinate_jobs") == 0


def test_rule_14_a_message_that_cannot_be_parsed_is_kept_raw_and_the_next_one_arrives(
    receiver: Receiver,
) -> None:
    broken = b"\x00\xff\xfe" * 50
    first, second = store_messages(receiver, [arrival(broken), arrival(raw_message())])
    assert bytes(Email.objects.get(id=first.email_id).raw_source) == broken
    assert Email.objects.get(id=second.email_id).subject == "Refund for my order"


def test_rule_15_no_missing_header_drops_a_message(receiver: Receiver) -> None:
    bare = [
        raw_message(message_id=None),
        raw_message(sender=None, message_id="no-sender@lumen.example"),
        raw_message(date=None, message_id="no-date@lumen.example"),
        raw_message(text="", subject="", message_id="no-text@lumen.example"),
        b"",
    ]
    stored = store_messages(receiver, [arrival(raw) for raw in bare])
    assert len({one.email_id for one in stored}) == 5
    assert Task.objects.count() == 5


def test_rule_16_text_that_postgresql_cannot_hold_is_replaced_and_the_bytes_are_kept(
    receiver: Receiver,
) -> None:
    raw = raw_message(text="zero \x00 byte", subject="Zero \x00 subject")
    [stored] = store_messages(receiver, [arrival(raw)])
    email = Email.objects.get(id=stored.email_id)
    assert "\x00" not in email.body_text + email.subject
    assert bytes(email.raw_source) == raw


def test_rule_22_the_same_id_with_other_content_keeps_both(receiver: Receiver) -> None:
    first, second, again = store_messages(
        receiver,
        [
            arrival(raw_message()),
            arrival(raw_message(text="Something else")),
            arrival(raw_message(text="Something else")),
        ],
    )
    assert first.email_id != second.email_id == again.email_id
    assert (first.is_new, second.is_new, again.is_new) == (True, True, False)
    assert Email.objects.get(id=second.email_id).message_id_header == "first@lumen.example"
    assert first.thread_id == second.thread_id


def test_rule_22_the_same_message_again_is_stored_once(receiver: Receiver) -> None:
    store_messages(receiver, [arrival(raw_message())])
    [again] = store_messages(receiver, [arrival(raw_message().replace(b"\r\n", b"\n"))])
    assert not again.is_new
    assert (Email.objects.count(), Task.objects.count(), EmailDelivery.objects.count()) == (1, 1, 1)


def test_rule_23_without_message_id_the_key_is_the_raw_messages_hash(receiver: Receiver) -> None:
    raw = raw_message(message_id=None)
    stored = store_messages(receiver, [arrival(raw), arrival(raw)])
    assert stored[0].message_id.startswith("sha256:")
    assert stored[0].email_id == stored[1].email_id


def test_rule_24_one_message_to_two_inboxes_is_one_row_two_deliveries_one_task(
    receiver: Receiver, inbox: Inbox
) -> None:
    other = receiver_of(make_inbox(inbox.workspace, "hello@convergio.test"))
    raw = raw_message(to="support@convergio.test, hello@convergio.test")
    store_messages(receiver, [arrival(b"Received: by mx1.test; Tue, 24 Nov 2026 09:00:00 +0000\r\n" + raw)])
    [second] = store_messages(other, [arrival(b"Delivered-To: hello@convergio.test\r\n" + raw)])
    assert not second.is_new
    assert (Email.objects.count(), EmailDelivery.objects.count(), Task.objects.count()) == (1, 2, 1)
    assert Email.objects.get().tag == "Support"
    assert ThreadInbox.objects.count() == 2


def conversation() -> list[bytes]:
    return [
        raw_message(message_id="a@lumen.example", sender="Ana <ana@lumen.example>"),
        raw_message(
            message_id="b@lumen.example",
            sender="Ben <ben@lumen.example>",
            to="ana@lumen.example, support@convergio.test",
            references=["a@lumen.example"],
            subject="Re: Refund for my order",
        ),
        raw_message(
            message_id="c@lumen.example",
            sender="Ana <ana@lumen.example>",
            to="ben@lumen.example, support@convergio.test",
            references=["a@lumen.example", "b@lumen.example"],
            subject="Re: Refund for my order",
        ),
        raw_message(
            message_id="d@lumen.example",
            sender="Ben <ben@lumen.example>",
            to="ana@lumen.example, support@convergio.test",
            in_reply_to="c@lumen.example",
            subject="Re: Refund for my order",
        ),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_rule_26_the_order_of_arrival_does_not_matter(
    receiver: Receiver, order: list[int], together: bool
) -> None:
    raws = [conversation()[index] for index in order]
    for batch in [raws] if together else [[raw] for raw in raws]:
        store_messages(receiver, [arrival(raw) for raw in batch])
    assert EmailThread.objects.count() == 1
    assert EmailThread.objects.get().message_count == 4


def test_rule_26_a_missing_ancestor_still_joins_its_children(receiver: Receiver) -> None:
    stored = store_messages(
        receiver,
        [
            arrival(raw_message(message_id=f"{n}@lumen.example", references=["never-seen@lumen.example"]))
            for n in (1, 2)
        ],
    )
    assert stored[0].thread_id == stored[1].thread_id


def test_rule_26_messages_that_name_each_other_do_not_hang_the_engine(receiver: Receiver) -> None:
    stored = store_messages(
        receiver,
        [
            arrival(raw_message(message_id="x@lumen.example", references=["y@lumen.example"])),
            arrival(
                raw_message(message_id="y@lumen.example", references=["x@lumen.example", "y@lumen.example"])
            ),
        ],
    )
    assert stored[0].thread_id == stored[1].thread_id


def test_rule_27_the_same_subject_of_another_person_is_another_conversation(receiver: Receiver) -> None:
    stored = store_messages(
        receiver,
        [
            arrival(raw_message(subject="Invoice")),
            arrival(
                raw_message(subject="Re: Invoice", message_id="z@spice.example", sender="tanvi@spice.example")
            ),
        ],
    )
    assert stored[0].thread_id != stored[1].thread_id


@pytest.mark.parametrize(("days", "joins"), [(2, True), (30, False)])
def test_rule_27_the_same_person_continues_by_subject_for_some_days_only(
    receiver: Receiver, days: int, joins: bool
) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    [first] = store_messages(receiver, [arrival(raw_message(subject="Invoice"), start)])
    [second] = store_messages(
        receiver,
        [
            arrival(
                raw_message(subject="RE: Invoice", message_id="later@lumen.example"),
                start + timedelta(days=days),
            )
        ],
    )
    assert (first.thread_id == second.thread_id) is joins


def test_rule_27_a_changed_subject_is_flagged(receiver: Receiver) -> None:
    store_messages(receiver, [arrival(raw_message())])
    store_messages(
        receiver,
        [
            arrival(
                raw_message(
                    message_id="n@lumen.example", references=["first@lumen.example"], subject="New matter"
                )
            )
        ],
    )
    assert EmailThread.objects.get().subject_changed


def test_rule_28_a_stranger_who_knows_an_id_does_not_enter_the_conversation(receiver: Receiver) -> None:
    stored = store_messages(
        receiver,
        [
            arrival(raw_message()),
            arrival(
                raw_message(
                    message_id="evil@stranger.example",
                    sender="eve@stranger.example",
                    references=["first@lumen.example"],
                )
            ),
        ],
    )
    assert stored[0].thread_id != stored[1].thread_id


def test_rule_28_the_same_ids_in_another_inbox_are_another_conversation(
    receiver: Receiver, inbox: Inbox
) -> None:
    other = receiver_of(make_inbox(inbox.workspace, "hello@convergio.test"))
    [first] = store_messages(receiver, [arrival(raw_message())])
    [second] = store_messages(
        other, [arrival(raw_message(message_id="s@lumen.example", references=["first@lumen.example"]))]
    )
    assert first.thread_id != second.thread_id


def test_rule_28_only_an_id_that_this_installation_signed_opens_the_door(receiver: Receiver) -> None:
    ours = fresh_message_id("support@convergio.test")
    forged = ours[:10] + ("0" if ours[10] != "0" else "1") + ours[11:]
    [first] = store_messages(receiver, [arrival(raw_message(message_id=ours))])
    answers = store_messages(
        receiver,
        [
            arrival(raw_message(message_id="1@else.example", sender="new@else.example", references=[ours])),
            arrival(raw_message(message_id="2@else.example", sender="odd@else.example", references=[forged])),
        ],
    )
    assert [answer.thread_id == first.thread_id for answer in answers] == [True, False]


def test_a_list_conversation_is_open_to_whoever_answers_in_it(receiver: Receiver) -> None:
    stored = store_messages(
        receiver,
        [
            arrival(raw_message(to="", sender="ana@lumen.example")),
            arrival(
                raw_message(
                    to="",
                    message_id="2@else.example",
                    sender="ben@else.example",
                    references=["first@lumen.example"],
                )
            ),
        ],
    )
    assert stored[0].thread_id == stored[1].thread_id


def test_attachments_are_kept_once_by_their_content(receiver: Receiver) -> None:
    def with_file(message_id: str) -> bytes:
        return (
            f"Message-ID: <{message_id}>\r\nFrom: ana@lumen.example\r\nTo: support@convergio.test\r\nSubject: File\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nSee file.\r\n"
            "--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=rates.csv\r\n\r\n"
            "a,b\r\n1,2\r\n--b--\r\n"
        ).encode()

    stored = store_messages(
        receiver, [arrival(with_file("1@lumen.example")), arrival(with_file("2@lumen.example"))]
    )
    metadata = Email.objects.get(id=stored[0].email_id).attachments
    assert [(one["filename"], one["content_type"], one["inline"]) for one in metadata] == [
        ("rates.csv", "text/csv", False)
    ]
    assert storage().read(metadata[0]["sha256"]).startswith(b"a,b")
    assert len(list(storage().unused_since(timedelta(-1)))) == 1
    assert sql.fetch_value("SELECT count(*) FROM stored_files") == 1


def test_rule_13_a_backfill_queues_no_job_and_old_mail_is_no_work(receiver: Receiver) -> None:
    old = Arrival(raw=raw_message(), received_at=datetime(2020, 1, 1, tzinfo=UTC))
    store_messages(receiver, [old], backfill=True)
    assert sql.fetch_value("SELECT count(*) FROM procrastinate_jobs") == 0
    task = Task.objects.get()
    assert (task.status, task.completed_at) == ("done", old.received_at)


def test_new_mail_queues_its_follow_up_jobs(receiver: Receiver) -> None:
    store_messages(receiver, [arrival(raw_message())])
    assert sql.fetch_column("SELECT task_name FROM procrastinate_jobs") == [
        "email.received->convergio.mail.jobs.draft_replies"
    ]


def test_a_batch_costs_a_fixed_number_of_statements(
    receiver: Receiver, django_assert_max_num_queries: object
) -> None:
    raws = [raw_message(message_id=f"{n}@lumen.example", subject=f"Matter {n}") for n in range(40)]
    with django_assert_max_num_queries(24):  # type: ignore[operator]
        store_messages(receiver, [arrival(raw) for raw in raws])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("days", "conversations"), [(6, 1), (8, 2)])
def test_rule_27_a_reply_without_references_joins_its_subject_within_days_in_one_batch_or_two(
    receiver: Receiver, days: int, conversations: int, together: bool
) -> None:
    at = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
    first = arrival(raw_message(), at)
    reply = arrival(
        raw_message(message_id="reply@lumen.example", subject="Re: Refund for my order"),
        at + timedelta(days=days),
    )
    for batch in [[first, reply]] if together else [[first], [reply]]:
        store_messages(receiver, batch)
    assert EmailThread.objects.count() == conversations
