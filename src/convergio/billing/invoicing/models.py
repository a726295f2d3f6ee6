"""Tables of invoices and credit notes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.billing import columns as money
from convergio.core import columns


class BillingProfile(models.Model):
    """What invoices from now on say of the buyer."""

    user = models.OneToOneField(
        "accounts.User", models.PROTECT, primary_key=True, related_name="billing_profile"
    )
    name = models.CharField(max_length=120)
    address = columns.empty_array("Lines of the address")
    state = models.CharField(max_length=2, db_default="", db_comment="Code of an Indian state, like 27")
    country = models.CharField(max_length=2, db_default="IN", db_comment="ISO 3166")
    gstin = models.CharField(max_length=15, db_default="", db_comment="Of a registered buyer")
    created_at = columns.created_at()

    class Meta:
        db_table = "billing_profiles"


class InvoiceCounter(models.Model):
    """The last number of a series. Changed with the document's own transaction, so that no number is lost."""

    series = models.CharField(max_length=20, primary_key=True, db_comment="Prefix and financial year")
    seller_gstin = models.CharField(max_length=15, db_default="", db_comment="Whose series it is")
    last_number = models.IntegerField()
    last_issued_at = models.DateTimeField(db_comment="No later number has an earlier date")

    class Meta:
        db_table = "invoice_counters"


class Invoice(models.Model):
    """Numbered without gaps, frozen at issue: a trigger lets only its payment and its refunds be noted."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    number = models.CharField(max_length=50, unique=True)
    series = models.CharField(max_length=20)
    series_number = models.IntegerField()
    status = models.CharField(max_length=20, db_comment="issued | paid | void | refunded")
    subtotal = money.amount()
    tax = money.amount()
    total = money.amount()
    credited = models.BigIntegerField(db_default=0, db_comment="Sum of its credit notes")
    currency = money.currency()
    seller = columns.empty_object()
    buyer = columns.empty_object()
    terms = columns.empty_object("Place of supply, title and wording that the law asks for")
    lines = columns.empty_array()
    tax_lines = columns.empty_array()
    gateway = models.CharField(max_length=20, db_default="")
    gateway_id = models.CharField(max_length=255, db_default="", db_comment="The payment; one invoice each")
    issued_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "invoices"
        indexes: ClassVar = [models.Index(fields=["user", "-id"], name="invoices_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["series", "series_number"], name="invoices_series_number"),
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"],
                condition=~models.Q(gateway_id=""),
                name="invoices_one_for_each_payment",
            ),
            models.CheckConstraint(
                condition=models.Q(subtotal__gte=0)
                & models.Q(tax__gte=0)
                & models.Q(total=models.F("subtotal") + models.F("tax")),
                name="invoices_total",
            ),
            models.CheckConstraint(
                condition=models.Q(credited__gte=0) & models.Q(credited__lte=models.F("total")),
                name="invoices_credited_at_most_once",
            ),
        ]


class CreditNote(models.Model):
    """Takes back an invoice or a part of it; never changed. Seller, buyer and terms are the invoice's."""

    id = models.BigAutoField(primary_key=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=50, unique=True)
    series = models.CharField(max_length=20)
    series_number = models.IntegerField()
    reason = models.CharField(max_length=255)
    subtotal = money.amount()
    tax = money.amount()
    total = money.amount()
    currency = money.currency()
    lines = columns.empty_array("As the invoice's, with what is taken back of each")
    tax_lines = columns.empty_array()
    gateway = models.CharField(max_length=20, db_default="")
    gateway_id = models.CharField(max_length=255, db_default="", db_comment="The refund; one note each")
    issued_at = models.DateTimeField()
    created_at = columns.created_at()

    class Meta:
        db_table = "credit_notes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["series", "series_number"], name="credit_notes_series_number"),
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"],
                condition=~models.Q(gateway_id=""),
                name="credit_notes_one_for_each_refund",
            ),
            models.CheckConstraint(
                condition=models.Q(subtotal__gte=0)
                & models.Q(tax__gte=0)
                & models.Q(total__gt=0)
                & models.Q(total=models.F("subtotal") + models.F("tax")),
                name="credit_notes_total",
            ),
        ]
