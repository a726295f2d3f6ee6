"""Which file of docs/schema holds which table: the four domains of the data model, and what was added to them."""

DOMAINS = {
    "core": ("emails", "tasks", "auto_replies", "digital_audits"),
    "settings": (
        "users",
        "user_sessions",
        "user_2fa",
        "api_keys",
        "login_history",
        "subscription_plans",
        "user_subscriptions",
        "payment_methods",
        "invoices",
        "token_balances",
        "token_usage",
        "token_packages",
        "token_purchases",
        "usage_alerts",
    ),
    "calendar": ("calendar_events", "calcom_settings"),
    "streamboost": (
        "stream_state",
        "stream_announcements",
        "stream_captions",
        "platform_credentials",
        "channel_voice_settings",
        "milestone_thresholds",
        "milestone_celebrations",
    ),
}


def domain_of_tables() -> dict[str, str]:
    """Table name to domain, for the tables of the data model."""
    return {table: domain for domain, tables in DOMAINS.items() for table in tables}
