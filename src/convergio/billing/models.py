"""Money tables: plans, who has which, balances and the ledger here; the others beside what they are of.

Amounts are integer paise (or the currency's minor unit) with a currency code.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from convergio.billing import columns as money
from convergio.billing.invoicing.models import BillingProfile, CreditNote, Invoice, InvoiceCounter
from convergio.billing.purchase_models import (
    GatewayCustomer,
    GatewayDifference,
    ManualPayment,
    PaymentMethod,
    TokenPackage,
    TokenPurchase,
    TokenRefund,
)
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
    "BillingProfile",
    "CreditNote",
    "GatewayCustomer",
    "GatewayDifference",
    "GatewayPlan",
    "Invoice",
    "InvoiceCounter",
    "ManualPayment",
    "PaymentMethod",
    "PlanVersion",
    "SubscriptionEvent",
    "SubscriptionOrder",
    "SubscriptionPayment",
    "SubscriptionRefund",
    "TokenPackage",
    "TokenPurchase",
    "TokenRefund",
    "UsageAlert",
    "UsageCounter",
    "UsageNotice",
]


class SubscriptionPlan(models.Model):
    """What a workspace's owner can subscribe to. NULL quota: unlimited."""

    id = models.BigAutoField(primary_key=True)
    slug = models.CharField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    price = money.amount()
    currency = money.currency()
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
    user = money.owner()
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
    cost = money.amount()
    cause = models.CharField(max_length=100, db_default="", db_comment="Table and id of what caused it")
    inbox_id = money.inbox()
    period_start = money.period()
    created_at = columns.created_at()

    class Meta:
        db_table = "token_usage"
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="token_usage_newest"),
            models.Index(fields=["cause"], name="token_usage_cause"),
        ]


class TokenLedgerEntry(models.Model):
    """Append-only movement of tokens; a trigger refuses to change or remove one."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
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
    user = money.owner()
    tokens = models.BigIntegerField(db_comment="The most that the call can cost")
    workspace = models.ForeignKey("accounts.Workspace", models.SET_NULL, null=True, related_name="+")
    member = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    feature = models.CharField(max_length=50, db_default="")
    cause = models.CharField(max_length=100, db_default="")
    inbox_id = money.inbox()
    period_start = money.period()
    expires_at = models.DateTimeField(db_default=Now(), db_index=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "token_reservations"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(tokens__gte=0), name="token_reservations_positive"),
        ]
