"""The PDF of an invoice and of a credit note, read back, and the mail that brings it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from convergio.billing.invoicing import jobs
from convergio.billing.invoicing.actions import issue_invoice, void_invoice
from convergio.billing.invoicing.credit_notes import issue_credit_note
from convergio.billing.invoicing.parties import save_profile
from convergio.billing.invoicing.pdf import render_credit_note, render_invoice
from convergio.billing.invoicing.taxes import Item
from convergio.billing.models import CreditNote, Invoice
from tests.billing.business import PRO, SELLER_GSTIN, clock, gstin, sell, seller
from tests.cast import Person
from tests.jobs import run_jobs

__all__ = ["clock", "seller"]
A4 = (595, 842)


def pages(pdf: bytes) -> list[str]:
    """The text of each page, words with one space between."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def text_of(invoice: Invoice) -> str:
    return " ".join(pages(render_invoice(Invoice.objects.get(id=invoice.id))))


@pytest.mark.django_db
def test_the_document_says_all_that_the_law_asks_for(owner: Person, clock: Any) -> None:
    save_profile(owner.user.id, name="Nia Traders LLP", address=["Linking Road"], gstin=gstin("27"))
    text = text_of(sell(owner, replace(PRO, quantity=2, discount=100_00)))
    for part in (
        "TAX INVOICE",
        "CB/26-27/000001",
        "26 Nov 2026",
        "Convergio Software Private Limited",
        SELLER_GSTIN,
        "Nia Traders LLP",
        gstin("27"),
        "Maharashtra (27)",
        "Reverse charge",
        "Pro plan, 26 Nov to 25 Dec 2026",
        "SAC 997331, less a discount of ₹100.00",
        "incl. tax",
        "CGST 9 %",
        "SGST 9 %",
        "₹297.31",
        "₹3,303.38",
        "₹3,898.00",
        "Rupees three thousand eight hundred ninety-eight only",
        "PAID",
        "Page 1 of 1",
    ):
        assert part in text


@pytest.mark.django_db
def test_it_is_one_a4_sheet_with_its_fonts_inside(owner: Person, clock: Any) -> None:
    reader = PdfReader(io.BytesIO(render_invoice(sell(owner))))
    (page,) = reader.pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == A4
    fonts: Any = page["/Resources"]["/Font"]  # type: ignore[index]
    for font in fonts.values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        assert "/FontFile2" in descendant.get_object()["/FontDescriptor"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Tax invoice CB/26-27/000001"


@pytest.mark.django_db
def test_the_same_row_gives_the_same_bytes(owner: Person, clock: Any) -> None:
    invoice = sell(owner)
    first = render_invoice(Invoice.objects.get(id=invoice.id))
    clock.shift(timedelta(days=400))
    assert render_invoice(Invoice.objects.get(id=invoice.id)) == first


@pytest.mark.django_db
def test_names_in_devanagari_are_written_in_joined_letters(owner: Person) -> None:
    save_profile(owner.user.id, name="श्री क्षत्रिय", address=["पुणे"], state="27")
    invoice = sell(owner)
    reader = PdfReader(io.BytesIO(render_invoice(invoice)))
    fonts: Any = reader.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    names = {str(font.get_object()["/BaseFont"]).rpartition("+")[2] for font in fonts.values()}
    assert {"NotoSansDevanagari", "NotoSansDevanagariSemiBold"} <= names
    # Two letters and the sign between them became one glyph, which stands for all three.
    assert "श्री" in "".join(pages(render_invoice(invoice)))
    assert "पुणे" in "".join(pages(render_invoice(invoice)))


@pytest.mark.django_db
def test_letters_that_no_font_has_do_not_stop_an_invoice(owner: Person) -> None:
    save_profile(owner.user.id, name="東京 \N{PARTY POPPER} Ltd", address=["x" * 120], country="JP")
    text = text_of(sell(owner))
    assert "Ltd" in text
    assert "Japan" in text


@pytest.mark.django_db
def test_exports_and_reverse_charge_say_so(owner: Person, clock: Any) -> None:
    save_profile(owner.user.id, name="Nia", address=[], gstin=gstin("29"))
    reverse = text_of(sell(owner, reverse_charge=True))
    assert "Reverse charge Yes" in reverse
    assert "Tax is payable by the recipient under reverse charge" in reverse
    save_profile(owner.user.id, name="Müller", address=["Berlin"], country="DE")
    export = text_of(sell(owner, currency="USD"))
    assert "without payment of integrated tax. LUT: AD270426000123X." in export
    assert "Outside India (96)" in export
    assert "$1,999.00" in export


@pytest.mark.django_db
def test_a_seller_without_registration_writes_a_plain_invoice(owner: Person, settings: Any) -> None:
    settings.SELLER_GSTIN = ""
    text = text_of(sell(owner))
    assert "not registered under GST" in text
    assert "TAX INVOICE" not in text
    assert "GSTIN" not in text


@pytest.mark.django_db
def test_the_stamp_says_what_became_of_it(owner: Person) -> None:
    is_open = issue_invoice(owner.user, lines=[PRO], paid_at=None)
    assert "Amount due" in text_of(is_open)
    assert "PAID" not in text_of(is_open)
    void_invoice(is_open.id)
    assert "VOID" in text_of(is_open)
    paid = sell(owner)
    issue_credit_note(paid.id, reason="x", amount=1_00)
    assert "PAID" in text_of(paid)
    issue_credit_note(paid.id, reason="x")
    assert "REFUNDED" in text_of(paid)


@pytest.mark.django_db
def test_many_lines_go_on_over_pages_with_their_head(owner: Person) -> None:
    items = [Item(f"Tokens for campaign {number}", 100_00 + number) for number in range(60)]
    texts = pages(render_invoice(sell(owner, *items)))
    assert len(texts) > 3
    assert sum("Unit price" in text for text in texts) >= len(texts) - 2
    assert all(f"Page {number} of {len(texts)}" in text for number, text in enumerate(texts, 1))
    whole = " ".join(texts)
    assert all(whole.count(f"Tokens for campaign {number} ") == 1 for number in range(60))


@pytest.mark.django_db
def test_a_credit_note_names_its_invoice_and_why(owner: Person, clock: Any) -> None:
    note = issue_credit_note(sell(owner).id, reason="Returned within 7 days", amount=500_00)
    (text,) = pages(render_credit_note(CreditNote.objects.get(id=note.id)))
    for part in (
        "CREDIT NOTE",
        "CN/26-27/000001",
        "CB/26-27/000001",
        "Reason: Returned within 7 days",
        "₹500.00",
    ):
        assert part in text


def mailed(folder: Path) -> list[EmailMessage]:
    paths = sorted((folder / "outbox").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]


@pytest.mark.django_db
def test_the_invoice_is_mailed_once_with_its_pdf(
    owner: Person, settings: Any, tmp_path: Path, clock: Any
) -> None:
    settings.SYSTEM_SMTP_URL, settings.DATA_DIR = "", tmp_path
    invoice = sell(owner)
    assert run_jobs() == ["billing.mail_invoice"]
    jobs.mail_invoice(invoice.id)  # as after a worker that died before it could say so
    (message,) = mailed(tmp_path)
    assert (message["To"], message["Subject"]) == ("owner@convergio.test", "Invoice CB/26-27/000001")
    body = message.get_body()
    assert body is not None
    assert "your invoice CB/26-27/000001 of 26 November 2026 over ₹1,999.00. It is paid" in body.get_content()
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (
        "CB-26-27-000001.pdf",
        "application/pdf",
    )
    assert attached.get_payload(decode=True) == render_invoice(Invoice.objects.get())


@pytest.mark.django_db
def test_a_credit_note_is_mailed_with_its_pdf(
    owner: Person, settings: Any, tmp_path: Path, clock: Any
) -> None:
    settings.SYSTEM_SMTP_URL, settings.DATA_DIR = "", tmp_path
    note = issue_credit_note(sell(owner).id, reason="Returned", amount=500_00)
    assert run_jobs() == ["billing.mail_invoice", "billing.mail_credit_note"]
    _, message = mailed(tmp_path)
    assert message["Subject"] == "Credit note CN/26-27/000001"
    (attached,) = message.iter_attachments()
    assert attached.get_payload(decode=True) == render_credit_note(note)
