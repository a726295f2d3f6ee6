"""Tables of what is bought once, of gateways' customers and their ways to pay, and of differences with gateways."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from convergio.billing import columns as money
from convergio.billing.invoicing.models import Invoice
from convergio.core import columns


class PaymentMethod(models.Model):
    """A method saved at a gateway; never a card number."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)
    label = models.CharField(max_length=100, db_default="")
    expires_on = models.DateField(null=True, db_comment="Last day of a card; NULL where none is known")
    is_default = models.BooleanField(db_default=False)
    created_at = columns.created_at()

    class Meta:
        db_table = "payment_methods"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "gateway", "gateway_id"], name="payment_methods_once"),
        ]


class GatewayCustomer(models.Model):
    """Who a user is at a gateway."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=255)
    created_at = columns.created_at()

    class Meta:
        db_table = "gateway_customers"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "gateway"], name="gateway_customers_once"),
        ]


class TokenPackage(models.Model):
    """A one-off purchase of tokens."""

    id = models.BigAutoField(primary_key=True)
    slug = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    tokens = models.BigIntegerField()
    bonus_tokens = models.BigIntegerField(db_default=0)
    price = money.amount()
    currency = money.currency()
    is_active = models.BooleanField(db_default=True)

    class Meta:
        db_table = "token_packages"


class TokenPurchase(models.Model):
    """A bought package, with the price and tokens of the moment it was bought."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    workspace = models.ForeignKey("accounts.Workspace", models.SET_NULL, null=True, related_name="+")
    package = models.ForeignKey(TokenPackage, models.PROTECT, related_name="purchases")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    reference = models.CharField(
        max_length=40, unique=True, null=True, db_comment="What the gateway knows the order by; random"
    )
    idempotency_key = models.CharField(max_length=255, null=True, db_comment="The buyer's, once per user")
    quantity = models.SmallIntegerField(db_default=1)
    tokens = models.BigIntegerField()
    bonus_tokens = models.BigIntegerField(db_default=0)
    amount = money.amount()
    currency = money.currency()
    status = models.CharField(
        max_length=20, db_comment="pending | paid | failed | mismatch | expired | refunded"
    )
    problem = models.CharField(max_length=300, db_default="", db_comment="Why it failed, in a sentence")
    gateway = models.CharField(max_length=20, db_default="")
    gateway_id = models.CharField(
        max_length=255, db_default="", db_comment="The order there; empty until it is made"
    )
    payment_id = models.CharField(max_length=255, db_default="", db_comment="What paid for it there")
    refunded = money.amount()
    paid_at = models.DateTimeField(null=True)
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "token_purchases"
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="token_purchases_newest"),
            models.Index(
                fields=["payment_id"], condition=~models.Q(payment_id=""), name="token_purchases_payment"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="token_purchases_key_once"),
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"],
                condition=~models.Q(gateway_id=""),
                name="token_purchases_order_once",
            ),
            models.CheckConstraint(
                condition=models.Q(tokens__gt=0, bonus_tokens__gte=0, quantity__gt=0, amount__gte=0),
                name="token_purchases_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0) & models.Q(refunded__lte=models.F("amount")),
                name="token_purchases_refunded_at_most_all",
            ),
        ]


class TokenRefund(models.Model):
    """Money of a purchase that goes back, and the tokens that were taken back for it."""

    id = models.BigAutoField(primary_key=True)
    purchase = models.ForeignKey(TokenPurchase, models.PROTECT, related_name="refunds")
    reference = models.CharField(max_length=100, unique=True, db_comment="What the gateway knows it by")
    amount = money.amount()
    tokens = models.BigIntegerField(
        db_default=0, db_comment="Taken back; less than bought where some were spent"
    )
    status = models.CharField(max_length=20, db_comment="pending | done | failed")
    gateway_id = models.CharField(max_length=255, db_default="")
    reason = models.CharField(max_length=255, db_default="")
    member = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        related_name="+",
        db_comment="Staff; NULL: at the gateway",
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "token_refunds"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, tokens__gte=0), name="token_refunds_positive"
            ),
        ]


class ManualPayment(models.Model):
    """A bank transfer that is waited for, and what staff wrote down of it."""

    id = models.BigAutoField(primary_key=True)
    reference = models.CharField(max_length=40, unique=True)
    amount = money.amount()
    currency = money.currency()
    received = models.BigIntegerField(null=True, db_comment="Minor units that arrived; NULL: nothing yet")
    received_currency = models.CharField(max_length=3, db_default="")
    bank_reference = models.CharField(max_length=100, db_default="")
    recorded_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    refunded = money.amount()
    refunds = ArrayField(
        models.TextField(),
        default=list,
        db_default=models.Value([], ArrayField(models.TextField())),
        db_comment="References of what was sent back",
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "manual_payments"


class GatewayDifference(models.Model):
    """Where a gateway's books and ours disagree, or a person should look: seen by staff until resolved."""

    id = models.BigAutoField(primary_key=True)
    gateway = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=255, db_comment="The order or payment at the gateway")
    purchase = models.ForeignKey(TokenPurchase, models.PROTECT, null=True, related_name="differences")
    detail = models.CharField(max_length=300, db_default="", db_comment="What is different, in a sentence")
    found_at = columns.created_at()
    seen_at = models.DateTimeField(db_default=Now(), db_comment="When it was last found")
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gateway_differences"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "kind", "subject"], name="gateway_differences_once"),
        ]
