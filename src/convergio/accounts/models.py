"""Identity tables. They decide the scope and are read before one exists, so they carry no row-level policy."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import functions

from convergio.core import columns


class UserManager(BaseUserManager["User"]):
    """Accounts are looked up by their lower-case address."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. The address is kept in lower case and NFC."""

    id = models.BigAutoField(primary_key=True)
    email = models.EmailField(max_length=255, unique=True)
    password = models.CharField(max_length=255, db_column="password_hash", db_comment="argon2id, PHC string")
    name = models.CharField(max_length=255, db_default="")
    company = models.CharField(max_length=255, db_default="")
    phone = models.CharField(max_length=50, db_default="")
    avatar = models.CharField(max_length=64, db_default="", db_comment="SHA-256 of the stored image")
    timezone = models.CharField(max_length=64, db_default="Asia/Kolkata")
    notification_preferences = columns.empty_object()
    email_verified_at = models.DateTimeField(null=True)
    password_changed_at = models.DateTimeField(null=True, db_comment="NULL while the first one is in use")
    is_active = models.BooleanField(default=True, db_default=True)
    is_staff = models.BooleanField(
        default=False, db_default=False, db_comment="May open the operator's back office"
    )
    last_login = models.DateTimeField(null=True, db_column="last_login_at")
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    USERNAME_FIELD = "email"
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=functions.Lower("email")), name="users_email_lower_case"
            ),
        ]


class Workspace(models.Model):
    """Owns every domain row. Subscription and token balance belong to its owner's user."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=255)
    owner = models.ForeignKey(User, models.PROTECT, related_name="owned_workspaces")
    require_two_factor = models.BooleanField(
        default=False, db_default=False, db_comment="Members without a second factor only get to set one up"
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "workspaces"


class WorkspaceMember(models.Model):
    """A user's place in a workspace."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, db_comment="owner | admin | member")
    created_at = columns.created_at()

    class Meta:
        db_table = "workspace_members"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="workspace_members_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "admin", "member"]), name="workspace_members_role"
            ),
        ]


class WorkspaceInvitation(models.Model):
    """A mailed, expiring, single-use way into a workspace."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=255)
    role = models.CharField(max_length=20)
    token_hash = models.BinaryField(unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "workspace_invitations"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(role__in=["admin", "member"]), name="workspace_invitations_role"
            ),
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="workspace_invitations_one_open",
            ),
        ]


class UserSession(models.Model):
    """A sign-in on one device. Only digests of its tokens are stored; revoking it works on the next request."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_comment="The one being looked at"
    )
    kind = models.CharField(max_length=10, db_comment="browser (cookie) | api (bearer and refresh token)")
    token_hash = models.BinaryField(unique=True, db_comment="SHA-256 of the cookie or access token")
    token_expires_at = models.DateTimeField(
        db_comment="Access tokens live 1 hour, cookies as long as the session"
    )
    refresh_hash = models.BinaryField(unique=True, null=True)
    used_refresh_hashes = models.BinaryField(
        db_default=b"", db_comment="SHA-256 digests of refresh tokens already exchanged, 32 bytes each"
    )
    device = models.CharField(max_length=255, db_default="")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(db_default="")
    created_at = columns.created_at()
    last_seen_at = models.DateTimeField(db_default=functions.Now())
    authenticated_at = models.DateTimeField(
        db_default=functions.Now(), db_comment="When the person last proved who they are"
    )
    second_factor = models.BooleanField(
        default=False,
        db_default=False,
        db_comment="Whether a code, a passkey or a trusted device came with it",
    )
    idle_expires_at = models.DateTimeField(null=True, db_comment="Unused until then, it ends; moves with use")
    expires_at = models.DateTimeField(db_comment="It ends then, however much it is used")
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=50, db_default="")

    class Meta:
        db_table = "user_sessions"


class UserTwoFactor(models.Model):
    """A user's authenticator app and backup codes."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="two_factor")
    secret = models.BinaryField(null=True, db_column="totp_secret_encrypted")
    pending_secret = models.BinaryField(
        null=True, db_comment="Encrypted; takes the place of the secret when a valid code proves it"
    )
    enabled_at = models.DateTimeField(null=True)
    backup_codes = columns.empty_array("Hex digests, keyed, of the codes that were not used yet")
    backup_codes_made_at = models.DateTimeField(null=True)
    last_used_step = models.BigIntegerField(null=True, db_comment="TOTP step of the last accepted code")
    created_at = columns.created_at()

    class Meta:
        db_table = "user_2fa"


class ApiKey(models.Model):
    """A key for programs, owned by a workspace and its maker. Shown once; only its digest is stored."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, db_comment="The first characters, shown in lists")
    key_hash = models.BinaryField(unique=True)
    scopes = columns.empty_array('Like tasks:read; ["*"] is all that its maker may do')
    inbox_ids = models.JSONField(null=True, db_comment="Inboxes whose mail it reaches; NULL is all")
    expires_at = models.DateTimeField(null=True)
    expiry_noticed_at = models.DateTimeField(
        null=True, db_comment="When its maker was told that it ends soon"
    )
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "api_keys"


class LoginHistory(models.Model):
    """Every attempt to sign in or to change how one signs in."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="login_history", db_index=False)
    email = models.CharField(max_length=255, db_comment="As it was typed, cut to fit")
    method = models.CharField(max_length=30, db_comment="password | register | refresh | reset | api_key ...")
    outcome = models.CharField(max_length=20, db_comment="success | failure")
    reason = models.CharField(max_length=50, db_default="", db_comment="Stable code of a failure")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(db_default="")
    created_at = columns.created_at()

    class Meta:
        db_table = "login_history"
        indexes: ClassVar = [models.Index(fields=["user", "-id"], name="login_history_newest")]


class Passkey(models.Model):
    """A WebAuthn credential."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=100)
    credential_id = models.BinaryField(unique=True)
    user_handle = models.BinaryField(
        db_comment="What the authenticator calls the account; says nothing about it"
    )
    public_key = models.BinaryField(db_comment="COSE key")
    sign_count = models.BigIntegerField(db_default=0)
    transports = columns.empty_array("How browsers reach it: internal, usb, hybrid ...")
    is_synced = models.BooleanField(
        default=False, db_default=False, db_comment="Backed up by its maker, so on several devices"
    )
    last_used_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "passkeys"


class TrustedDevice(models.Model):
    """A browser that may skip the second factor for a while."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="trusted_devices")
    session = models.ForeignKey(UserSession, models.CASCADE, null=True, related_name="+")
    token_hash = models.BinaryField(unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "trusted_devices"


class OneTimeLink(models.Model):
    """A mailed link that works once, until it expires."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    purpose = models.CharField(
        max_length=30, db_comment="password_reset | verify_email | email_change_old | email_change_new"
    )
    token_hash = models.BinaryField(unique=True)
    facts = columns.empty_object("What the link is about, like the new address")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "one_time_links"


class SignInStep(models.Model):
    """Something begun that the same browser must finish: a second step, a passkey ceremony, a trip to a provider.

    The browser holds a random token; `facts` holds the challenge, state or nonce. Each is used up once.
    """

    id = models.BigAutoField(primary_key=True)
    purpose = models.CharField(
        max_length=30, db_comment="second_step | passkey_register | passkey_sign_in | google"
    )
    token_hash = models.BinaryField(unique=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    facts = columns.empty_object()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "sign_in_steps"


class UserIdentity(models.Model):
    """An account at an OpenID provider that signs this user in."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    provider = models.CharField(max_length=20, db_comment="google")
    subject = models.CharField(max_length=255, db_comment="The provider's own id of the account")
    email = models.CharField(max_length=255, db_comment="As the provider gave it when it was linked")
    last_used_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "user_identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "subject"], name="user_identities_once"),
            models.UniqueConstraint(fields=["user", "provider"], name="user_identities_one_each"),
        ]


class LoginThrottle(models.Model):
    """Failures counted per account and per address; exact over any number of web processes."""

    key = models.CharField(max_length=120, primary_key=True)
    failures = models.IntegerField(db_default=0)
    blocked_until = models.DateTimeField(null=True)
    updated_at = columns.updated_at()

    class Meta:
        db_table = "login_throttles"


class Tag(models.Model):
    """A workspace's inbox tag and its colour. Stored as written, matched without case."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    name = models.CharField(max_length=50)
    colour = models.CharField(max_length=20)

    class Meta:
        db_table = "tags"
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", functions.Lower("name"), name="tags_once"),
        ]
