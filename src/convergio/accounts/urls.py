"""Pages of accounts."""

from __future__ import annotations

from django.urls import path

from convergio.accounts import (
    activity_views,
    email_views,
    google_views,
    invite_views,
    key_views,
    passkey_views,
    people_views,
    settings_views,
    two_factor_views,
    views,
    workspace_views,
)

app_name = "accounts"
_SETTINGS = "dashboard/settings"

urlpatterns = [
    path("login", views.login, name="login"),
    path("login/code", views.login_code, name="login_code"),
    path("confirm", two_factor_views.confirm, name="confirm"),
    path("logout", views.logout, name="logout"),
    path("register", views.register, name="register"),
    path("reset", views.reset, name="reset"),
    path("reset/confirm", views.reset_confirm, name="reset_confirm"),
    path("verify", email_views.verify, name="verify"),
    path("login/passkey", passkey_views.sign_in, name="passkey_sign_in"),
    path("login/passkey/options", passkey_views.sign_in_options, name="passkey_sign_in_options"),
    path("confirm/passkey", passkey_views.confirm, name="passkey_confirm"),
    path("confirm/passkey/options", passkey_views.confirm_options, name="passkey_confirm_options"),
    path("login/google", google_views.start, name="google_start"),
    path("login/google/callback", google_views.callback, name="google_callback"),
    path(f"{_SETTINGS}/security/google/link", google_views.link, name="google_link"),
    path(f"{_SETTINGS}/security/google/unlink", google_views.unlink, name="google_unlink"),
    path(
        f"{_SETTINGS}/security/passkeys/<int:passkey_id>/rename", passkey_views.rename, name="rename_passkey"
    ),
    path(
        f"{_SETTINGS}/security/passkeys/<int:passkey_id>/remove", passkey_views.remove, name="remove_passkey"
    ),
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
    path("invite", invite_views.invite, name="invite"),
    path("invite/accept", invite_views.accept, name="accept_invitation"),
    path("dashboard/workspaces", workspace_views.workspaces, name="workspaces"),
    path("dashboard/workspaces/<int:workspace_id>/switch", workspace_views.switch, name="switch_workspace"),
    path("dashboard/workspaces/<int:workspace_id>/leave", workspace_views.leave, name="leave_workspace"),
    path(f"{_SETTINGS}/workspace", workspace_views.workspace, name="workspace"),
    path(f"{_SETTINGS}/workspace/two-factor", workspace_views.two_factor, name="require_two_factor"),
    path(f"{_SETTINGS}/workspace/transfer", workspace_views.transfer, name="transfer_workspace"),
    path(f"{_SETTINGS}/people", people_views.people, name="people"),
    path(f"{_SETTINGS}/people/<int:user_id>/role", people_views.change_role, name="change_role"),
    path(f"{_SETTINGS}/people/<int:user_id>/remove", people_views.remove, name="remove_member"),
    path(
        f"{_SETTINGS}/people/invitations/<int:invitation_id>/resend",
        people_views.resend_invitation,
        name="resend_invitation",
    ),
    path(
        f"{_SETTINGS}/people/invitations/<int:invitation_id>/revoke",
        people_views.revoke_invitation,
        name="revoke_invitation",
    ),
    path(f"{_SETTINGS}/security/login-history.csv", settings_views.login_history, name="login_history"),
    path(f"{_SETTINGS}/api-keys", key_views.list_keys, name="api_keys"),
    path(f"{_SETTINGS}/api-keys/<int:key_id>/revoke", key_views.revoke, name="revoke_api_key"),
    path(f"{_SETTINGS}/activity", activity_views.list_activity, name="activity"),
    path(f"{_SETTINGS}/activity.csv", activity_views.download, name="activity_file"),
    path(f"{_SETTINGS}/security/2fa/setup", two_factor_views.setup, name="two_factor_setup"),
    path(f"{_SETTINGS}/security/2fa/verify", two_factor_views.verify, name="two_factor_verify"),
    path(f"{_SETTINGS}/security/2fa/disable", two_factor_views.disable, name="two_factor_disable"),
    path(f"{_SETTINGS}/security/2fa/backup-codes", two_factor_views.make_backup_codes, name="backup_codes"),
    path(
        f"{_SETTINGS}/security/trusted-devices/<int:device_id>/remove",
        two_factor_views.remove_trusted_device,
        name="remove_trusted_device",
    ),
]
