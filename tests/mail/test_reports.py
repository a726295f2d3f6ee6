"""Rule 41: delivery reports say which address failed for good, which is only late, and about which mail."""

from __future__ import annotations

from convergio.mail.parsing import DeliveryReport, parse_message

STATUS = """Reporting-MTA: dns; mx.x.test
Arrival-Date: Tue, 24 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; gone@y.test
Original-Recipient: rfc822;gone@y.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

Final-Recipient: rfc822; late@y.test
Action: delayed
Status: 4.4.1 (no route)
"""


def report_mail(status: str, kind: str = "delivery-status", returned: str = "message/rfc822") -> bytes:
    return (
        "From: Mail Delivery System <MAILER-DAEMON@x.test>\nReturn-Path: <>\nSubject: Undelivered\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=b\n\n"
        "--b\n\nIt could not be delivered.\n"
        f"--b\nContent-Type: message/{kind}\n\n{status}\n"
        f"--b\nContent-Type: {returned}\n\nFrom: us@convergio.test\n"
        "Message-ID:\n <sent-1@convergio.test>\n\nHello\n--b--\n"
    ).encode()


def report_of(raw: bytes) -> DeliveryReport:
    report = parse_message(raw).delivery_report
    assert report is not None
    return report


def test_a_delayed_recipient_is_not_a_failed_one() -> None:
    report = report_of(report_mail(STATUS))
    assert [(one.address, one.action, one.status) for one in report.recipients] == [
        ("gone@y.test", "failed", "5.1.1"),
        ("late@y.test", "delayed", "4.4.1"),
    ]
    assert report.failed_addresses == ("gone@y.test",)
    assert report.recipients[0].diagnostic == "550 5.1.1 User unknown"
    assert (report.reporting_mta, report.is_standard) == ("mx.x.test", True)


def test_it_is_linked_to_the_message_it_is_about() -> None:
    assert report_of(report_mail(STATUS)).original_message_id == "sent-1@convergio.test"
    headers_only = report_mail(STATUS, returned="text/rfc822-headers")
    assert report_of(headers_only).original_message_id == "sent-1@convergio.test"


def test_missing_or_doubled_blank_lines_do_not_lose_a_recipient() -> None:
    for status in (STATUS.replace("\n\n", "\n"), STATUS.replace("\n\n", "\n\n\n")):
        assert len(report_of(report_mail(status)).recipients) == 2


def test_the_status_decides_where_the_action_is_missing() -> None:
    report = report_of(report_mail("Final-Recipient: rfc822; a@y.test\nStatus: 4.2.2\n"))
    assert report.recipients[0].action == "delayed"


def test_a_read_receipt_is_no_delivery_report() -> None:
    raw = report_mail(
        "Final-Recipient: rfc822; a@y.test\nDisposition: displayed\n", kind="disposition-notification"
    )
    assert parse_message(raw).delivery_report is None


def test_a_bounce_in_prose_is_read_up_to_the_copy_of_the_mail() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.y.test\nTo: us@convergio.test\nReturn-Path: <>\nSubject: failure notice\n\n"
        b"Hi. I'm afraid I wasn't able to deliver your message.\n\n<gone@y.test>:\n"
        b"192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no such user\n\n"
        b"--- Below this line is a copy of the message.\n\nTo: other@z.test\nMessage-ID: <sent-2@convergio.test>\n"
    )
    report = report_of(raw)
    assert [(one.address, one.action, one.status) for one in report.recipients] == [
        ("gone@y.test", "failed", "5.1.1")
    ]
    assert (report.original_message_id, report.is_standard) == ("sent-2@convergio.test", False)


def test_a_warning_in_prose_is_a_delay() -> None:
    raw = (
        b"From: Mail Delivery System <Mailer-Daemon@mx.y.test>\nX-Failed-Recipients: late@y.test\n"
        b"Subject: Warning: message delayed 24 hours\n\nThe message has not yet been delivered to late@y.test.\n"
        b"No action is required on your part. Delivery attempts will continue.\n"
    )
    assert report_of(raw).recipients[0].action == "delayed"


def test_a_person_who_quotes_a_bounce_bounces_nothing() -> None:
    raw = b"From: Ann <ann@x.test>\nSubject: Undelivered mail?\n\nIt says <gone@y.test>: 550 5.1.1 no such user\n"
    assert parse_message(raw).delivery_report is None
