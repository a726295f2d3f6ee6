"""Pages of accounts."""

from __future__ import annotations

from django.urls import path

from convergio.accounts import activity_views, email_views, key_views, settings_views, views

app_name = "accounts"
_SETTINGS = "dashboard/settings"

urlpatterns = [
    path("login", views.login, name="login"),
    path("logout", views.logout, name="logout"),
    path("register", views.register, name="register"),
    path("reset", views.reset, name="reset"),
    path("reset/confirm", views.reset_confirm, name="reset_confirm"),
    path("verify", email_views.verify, name="verify"),
    path(f"{_SETTINGS}/profile", settings_views.profile, name="profile"),
    path(f"{_SETTINGS}/profile/verify", email_views.send_verification, name="send_verification"),
    path(f"{_SETTINGS}/profile/email", email_views.change_email, name="change_email"),
    path(f"{_SETTINGS}/security", settings_views.security, name="sessions"),
    path(f"{_SETTINGS}/security/password", settings_views.change_password, name="change_password"),
    path(
        f"{_SETTINGS}/security/sessions/revoke-others",
        settings_views.revoke_other_sessions,
        name="revoke_other_sessions",
    ),
    path(
        f"{_SETTINGS}/security/sessions/<int:session_id>/revoke",
        settings_views.revoke_session,
        name="revoke_session",
    ),
    path(f"{_SETTINGS}/security/login-history.csv", settings_views.login_history, name="login_history"),
    path(f"{_SETTINGS}/api-keys", key_views.list_keys, name="api_keys"),
    path(f"{_SETTINGS}/api-keys/<int:key_id>/revoke", key_views.revoke, name="revoke_api_key"),
    path(f"{_SETTINGS}/activity", activity_views.list_activity, name="activity"),
    path(f"{_SETTINGS}/activity.csv", activity_views.download, name="activity_file"),
]
