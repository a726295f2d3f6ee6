"""Tables of plans and subscriptions beside the plan and the subscription themselves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns


class PlanVersion(models.Model):
    """A plan as it was sold from a moment on: a trigger writes one at each change of the plan, and none changes."""

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey("billing.SubscriptionPlan", models.PROTECT, related_name="versions")
    number = models.IntegerField()
    name = models.CharField(max_length=100)
    price = models.BigIntegerField(db_comment="Minor units (paise) a month")
    currency = models.CharField(max_length=3)
    monthly_tokens = models.BigIntegerField()
    monthly_emails = models.IntegerField(null=True)
    monthly_ai_replies = models.IntegerField(null=True)
    trial_days = models.SmallIntegerField(db_default=0)
    created_at = columns.created_at()

    class Meta:
        db_table = "subscription_plan_versions"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="subscription_plan_versions_once"),
        ]


class GatewayPlan(models.Model):
    """What a gateway calls a version at the amount that it charges for it."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20)
    amount = models.BigIntegerField(db_comment="Minor units a month, with the tax where it is added")
    gateway_id = models.CharField(max_length=255)
    created_at = columns.created_at()

    class Meta:
        db_table = "gateway_plans"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "gateway", "amount"], name="gateway_plans_once"),
        ]


class SubscriptionEvent(models.Model):
    """Append-only: every step of a subscription; a trigger refuses to change or remove one."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", db_index=False)
    from_state = models.CharField(max_length=20)
    to_state = models.CharField(max_length=20)
    event = models.CharField(max_length=30)
    facts = columns.empty_object()
    moment = models.DateTimeField()

    class Meta:
        db_table = "subscription_events"
        indexes: ClassVar = [models.Index(fields=["user", "-id"], name="subscription_events_newest")]


class SubscriptionPayment(models.Model):
    """Money that a gateway's API confirmed, for a period or for moving to a larger plan within one."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    contract = models.CharField(max_length=40, db_comment="user_subscriptions.reference when it was paid")
    kind = models.CharField(max_length=10, db_comment="period | upgrade")
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=255, db_comment="The payment there")
    amount = models.BigIntegerField(db_comment="Minor units that were paid")
    currency = models.CharField(max_length=3)
    tokens = models.BigIntegerField(db_comment="Granted with it")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    invoice = models.OneToOneField("billing.Invoice", models.PROTECT, related_name="+")
    paid_at = models.DateTimeField()
    created_at = columns.created_at()

    class Meta:
        db_table = "subscription_payments"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "gateway_id"], name="subscription_payments_once"),
            models.UniqueConstraint(
                fields=["contract", "period_start"],
                condition=models.Q(kind="period"),
                name="subscription_payments_period_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0, tokens__gte=0, period_end__gt=models.F("period_start")),
                name="subscription_payments_positive",
            ),
        ]


class SubscriptionRefund(models.Model):
    """Money of a subscription's payment that goes back, and the tokens that were taken back for it."""

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(SubscriptionPayment, models.PROTECT, related_name="refunds")
    reference = models.CharField(max_length=100, unique=True, db_comment="What the gateway knows it by")
    amount = models.BigIntegerField(db_comment="Minor units")
    tokens = models.BigIntegerField(db_default=0, db_comment="Taken back; only what was unspent")
    status = models.CharField(max_length=20, db_comment="pending | done | failed")
    gateway_id = models.CharField(max_length=255, db_default="")
    reason = models.CharField(max_length=255)
    member = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        related_name="+",
        db_comment="Staff; NULL: at the gateway",
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "subscription_refunds"
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="pending"),
                name="subscription_refunds_pending",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, tokens__gte=0), name="subscription_refunds_positive"
            ),
        ]


class SubscriptionOrder(models.Model):
    """Something of a subscription that is paid by itself: moving to a larger plan, or a period by bank transfer."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    contract = models.CharField(max_length=40)
    reference = models.CharField(
        max_length=40, unique=True, db_comment="What the gateway knows it by; random"
    )
    kind = models.CharField(max_length=10, db_comment="period | upgrade")
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    amount = models.BigIntegerField(db_comment="Minor units")
    currency = models.CharField(max_length=3)
    tokens = models.BigIntegerField(db_comment="What it grants")
    period_start = models.DateTimeField(null=True, db_comment="NULL: the period begins with the payment")
    period_end = models.DateTimeField(null=True)
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(
        max_length=255, db_default="", db_comment="The order there; empty until made"
    )
    status = models.CharField(
        max_length=20, db_default="pending", db_comment="pending | received | paid | mismatch | expired"
    )
    problem = models.CharField(max_length=300, db_default="")
    created_at = columns.created_at()

    class Meta:
        db_table = "subscription_orders"
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="pending"),
                name="subscription_orders_pending",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=models.Q(status__in=["pending", "received"]),
                name="subscription_orders_one_open",
            ),
            models.UniqueConstraint(
                fields=["gateway", "gateway_id"],
                condition=~models.Q(gateway_id=""),
                name="subscription_orders_order_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, tokens__gte=0), name="subscription_orders_positive"
            ),
        ]
