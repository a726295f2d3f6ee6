"""Webhooks of the gateways, and the pages under /dashboard/settings."""

from __future__ import annotations

from django.urls import path

from convergio.billing import checkout_views, plan_views, settings_views, token_views, webhooks

app_name = "billing"
_TOKENS, _BILLING = "dashboard/settings/tokens", "dashboard/settings/billing"
_CHECKOUT = f"{_TOKENS}/checkout/<int:purchase_id>"
_METHODS = f"{_BILLING}/payment-methods"

urlpatterns = [
    *(
        path(f"api/webhooks/{name}", webhooks.receive, {"gateway": name}, name=f"webhook_{name}")
        for name in ("razorpay", "stripe", "fake")
    ),
    path(_TOKENS, token_views.tokens, name="tokens"),
    path(f"{_TOKENS}/buy", token_views.buy, name="buy"),
    path(f"{_TOKENS}/return", checkout_views.finish, name="return"),
    path(f"{_TOKENS}/purchases/<int:purchase_id>", token_views.purchase, name="purchase"),
    path(_CHECKOUT, checkout_views.checkout, name="checkout"),
    path(f"{_CHECKOUT}/ask", checkout_views.ask, name="ask"),
    path(f"{_CHECKOUT}/test", checkout_views.test_payment, name="test_payment"),
    path(_BILLING, settings_views.billing, name="billing"),
    path(f"{_BILLING}/details", settings_views.details, name="details"),
    path(f"{_BILLING}/plan", plan_views.choose, name="choose_plan"),
    path(f"{_BILLING}/plan/checkout", plan_views.checkout, name="plan_checkout"),
    path(f"{_BILLING}/plan/return", plan_views.finish, name="plan_return"),
    path(f"{_BILLING}/plan/ask", plan_views.ask, name="ask_about_plan"),
    path(f"{_BILLING}/plan/test", plan_views.test_payment, name="test_plan_payment"),
    path(f"{_BILLING}/plan/cancel", plan_views.cancel, name="cancel_plan"),
    path(f"{_BILLING}/plan/resume", plan_views.resume, name="resume_plan"),
    path(f"{_METHODS}/look", settings_views.look_for_methods, name="look_for_methods"),
    path(f"{_METHODS}/<int:method_id>/forget", settings_views.forget_method, name="forget_method"),
    path(f"{_BILLING}/invoices/<int:invoice_id>.pdf", settings_views.invoice, name="invoice"),
    path(f"{_BILLING}/credit-notes/<int:note_id>.pdf", settings_views.credit_note, name="credit_note"),
]
