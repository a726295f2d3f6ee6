"""Money tables. Amounts are integer paise (or the currency's minor unit) with a currency code."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from convergio.billing.subscriptions.models import (
    GatewayPlan,
    PlanVersion,
    SubscriptionEvent,
    SubscriptionOrder,
    SubscriptionPayment,
    SubscriptionRefund,
)
from convergio.billing.usage_models import AiStop, UsageAlert, UsageCounter, UsageNotice
from convergio.core import columns

__all__ = [
    "AiStop",
    "GatewayPlan",
    "PlanVersion",
    "SubscriptionEvent",
    "SubscriptionOrder",
    "SubscriptionPayment",
    "SubscriptionRefund",
    "UsageAlert",
    "UsageCounter",
    "UsageNotice",
]


def _owner() -> models.ForeignKey[models.Model, models.Model]:
    return models.ForeignKey("accounts.User", models.PROTECT, related_name="+")


def _amount() -> models.BigIntegerField[int, int]:
    return models.BigIntegerField(db_default=0, db_comment="Minor units (paise)")


def _inbox() -> models.BigIntegerField[int | None, int | None]:
    """No foreign key: mail is none of billing's, and what an inbox used stays told apart when it is gone."""
    return models.BigIntegerField(null=True, db_comment="The inbox that it was for")


def _period() -> models.DateTimeField[Any, Any]:
    return models.DateTimeField(
        null=True, db_comment="The period in which it counts as an AI reply; NULL: it is none"
    )


def _currency() -> models.CharField[str, str]:
    return models.CharField(max_length=3, db_default="INR")


class SubscriptionPlan(models.Model):
    """What a workspace's owner can subscribe to. NULL quota: unlimited."""

    id = models.BigAutoField(primary_key=True)
    slug = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    price = _amount()
    currency = _currency()
    monthly_tokens = models.BigIntegerField(db_comment="AI tokens granted each month")
    monthly_emails = models.IntegerField(null=True)
    monthly_ai_replies = models.IntegerField(null=True)
    trial_days = models.SmallIntegerField(
        default=0, db_default=0, db_comment="Before the first payment; 0: none"
    )
    is_active = models.BooleanField(db_default=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "subscription_plans"


class UserSubscription(models.Model):
    """One per user, changed by subscriptions.machine only. On Free the period is counted from sign-up."""

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField("accounts.User", models.PROTECT, related_name="subscription")
    plan = models.ForeignKey(SubscriptionPlan, models.PROTECT, related_name="subscriptions")
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+", db_comment="As it was bought")
    next_version = models.ForeignKey(
        PlanVersion, models.PROTECT, null=True, related_name="+", db_comment="Wanted, or from the next period"
    )
    status = models.CharField(
        max_length=20,
        db_default="free",
        db_comment="free | pending | trialing | active | past_due | cancelling",
    )
    gateway = models.CharField(max_length=20, db_default="")
    gateway_id = models.CharField(max_length=255, db_default="")
    reference = models.CharField(
        max_length=40, unique=True, null=True, db_comment="What the gateway knows the contract by; random"
    )
    idempotency_key = models.CharField(max_length=255, db_default="")
    anchor = models.DateTimeField(null=True, db_comment="The first paid period; its day counts for all")
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    cancel_at_period_end = models.BooleanField(db_default=False)
    past_due_since = models.DateTimeField(null=True)
    reminders = models.SmallIntegerField(db_default=0, db_comment="Mailed since it is past due")
    noticed_end = models.DateTimeField(null=True, db_comment="End of the period whose renewal was announced")
    look_at = models.DateTimeField(null=True, db_comment="When the periodic job looks at it next")
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "user_subscriptions"
        indexes: ClassVar = [models.Index(fields=["look_at"], name="user_subscriptions_due")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"],
                condition=~models.Q(gateway_id=""),
                name="user_subscriptions_contract_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=("free", "pending", "trialing", "active", "past_due", "cancelling")
                ),
                name="user_subscriptions_known_state",
            ),
        ]


class PaymentMethod(models.Model):
    """A method saved at a gateway; never a card number."""

    id = models.BigAutoField(primary_key=True)
    user = _owner()
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
    user = _owner()
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=255)
    created_at = columns.created_at()

    class Meta:
        db_table = "gateway_customers"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "gateway"], name="gateway_customers_once"),
        ]


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
    user = _owner()
    number = models.CharField(max_length=50, unique=True)
    series = models.CharField(max_length=20)
    series_number = models.IntegerField()
    status = models.CharField(max_length=20, db_comment="issued | paid | void | refunded")
    subtotal = _amount()
    tax = _amount()
    total = _amount()
    credited = models.BigIntegerField(db_default=0, db_comment="Sum of its credit notes")
    currency = _currency()
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
    subtotal = _amount()
    tax = _amount()
    total = _amount()
    currency = _currency()
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


class TokenBalance(models.Model):
    """One per user; derived from the ledger and checked against it."""

    user = models.OneToOneField(
        "accounts.User", models.PROTECT, primary_key=True, related_name="token_balance"
    )
    tokens = models.BigIntegerField(db_default=0, db_comment="Sum of the ledger")
    reserved = models.BigIntegerField(db_default=0, db_comment="Sum of the open reservations, part of tokens")
    next_expiry_at = models.DateTimeField(
        null=True, db_comment="When tokens lapse next; nothing is reserved past it before they did"
    )
    updated_at = columns.updated_at()

    class Meta:
        db_table = "token_balances"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(reserved__gte=0) & models.Q(tokens__gte=models.F("reserved")),
                name="token_balances_never_negative",
            ),
        ]


class TokenUsage(models.Model):
    """One AI request: what it was for, what it took, what it cost."""

    id = models.BigAutoField(primary_key=True)
    user = _owner()
    workspace = models.ForeignKey("accounts.Workspace", models.SET_NULL, null=True, related_name="+")
    member = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    feature = models.CharField(max_length=50)
    model = models.CharField(max_length=100)
    input_tokens = models.IntegerField(db_default=0)
    output_tokens = models.IntegerField(db_default=0)
    cached_tokens = models.IntegerField(
        db_default=0, db_comment="Of the input, read from the provider's cache"
    )
    charged_tokens = models.BigIntegerField(db_default=0, db_comment="Taken from the balance")
    cost = _amount()
    cause = models.CharField(max_length=100, db_default="", db_comment="Table and id of what caused it")
    inbox_id = _inbox()
    period_start = _period()
    created_at = columns.created_at()

    class Meta:
        db_table = "token_usage"
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="token_usage_newest"),
            models.Index(fields=["cause"], name="token_usage_cause"),
        ]


class TokenPackage(models.Model):
    """A one-off purchase of tokens."""

    id = models.BigAutoField(primary_key=True)
    slug = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    tokens = models.BigIntegerField()
    bonus_tokens = models.BigIntegerField(db_default=0)
    price = _amount()
    currency = _currency()
    is_active = models.BooleanField(db_default=True)

    class Meta:
        db_table = "token_packages"


class TokenPurchase(models.Model):
    """A bought package, with the price and tokens of the moment it was bought."""

    id = models.BigAutoField(primary_key=True)
    user = _owner()
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
    amount = _amount()
    currency = _currency()
    status = models.CharField(
        max_length=20, db_comment="pending | paid | failed | mismatch | expired | refunded"
    )
    problem = models.CharField(max_length=300, db_default="", db_comment="Why it failed, in a sentence")
    gateway = models.CharField(max_length=20, db_default="")
    gateway_id = models.CharField(
        max_length=255, db_default="", db_comment="The order there; empty until it is made"
    )
    payment_id = models.CharField(max_length=255, db_default="", db_comment="What paid for it there")
    refunded = _amount()
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
    amount = _amount()
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
    amount = _amount()
    currency = _currency()
    received = models.BigIntegerField(null=True, db_comment="Minor units that arrived; NULL: nothing yet")
    received_currency = models.CharField(max_length=3, db_default="")
    bank_reference = models.CharField(max_length=100, db_default="")
    recorded_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    refunded = _amount()
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


class TokenLedgerEntry(models.Model):
    """Append-only movement of tokens; a trigger refuses to change or remove one."""

    id = models.BigAutoField(primary_key=True)
    user = _owner()
    kind = models.CharField(
        max_length=20, db_comment="grant | purchase | bonus | usage | refund | adjustment | expiry"
    )
    tokens = models.BigIntegerField(db_comment="Positive in, negative out")
    expires_at = models.DateTimeField(null=True, db_comment="Of what came in; NULL never lapses")
    cause = models.CharField(
        max_length=100, db_default="", db_comment="What it is for, like token_purchases:7; credited once each"
    )
    reason = models.CharField(max_length=255, db_default="", db_comment="Of an adjustment, by who made it")
    member = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", db_comment="Who caused it"
    )
    usage = models.OneToOneField(TokenUsage, models.PROTECT, null=True, related_name="+")
    created_at = columns.created_at()

    class Meta:
        db_table = "token_ledger"
        indexes: ClassVar = [models.Index(fields=["user", "-id"], name="token_ledger_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind", "cause"],
                condition=models.Q(kind__in=["grant", "purchase", "bonus", "refund"]),
                name="token_ledger_credited_once",
            ),
        ]


class TokenLot(models.Model):
    """What is left of tokens that came in together; spending takes from those that lapse first."""

    entry = models.OneToOneField(TokenLedgerEntry, models.PROTECT, primary_key=True, related_name="lot")
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", db_index=False)
    remaining = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "token_lots"
        indexes: ClassVar = [
            models.Index(
                fields=["user", "expires_at"],
                condition=models.Q(remaining__gt=0),
                name="token_lots_unspent",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(remaining__gte=0), name="token_lots_never_negative"),
        ]


class TokenReservation(models.Model):
    """Tokens held for a call that is under way. Past `expires_at` its process is taken for dead and they are freed."""

    id = models.BigAutoField(primary_key=True)
    user = _owner()
    tokens = models.BigIntegerField(db_comment="The most that the call can cost")
    workspace = models.ForeignKey("accounts.Workspace", models.SET_NULL, null=True, related_name="+")
    member = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    feature = models.CharField(max_length=50, db_default="")
    cause = models.CharField(max_length=100, db_default="")
    inbox_id = _inbox()
    period_start = _period()
    expires_at = models.DateTimeField(db_default=Now(), db_index=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "token_reservations"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(tokens__gte=0), name="token_reservations_positive"),
        ]
