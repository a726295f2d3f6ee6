"""The activity log in sentences: what stands after the person's name."""

from __future__ import annotations

from typing import Any

from convergio.accounts.activity_queries import ActivityRow

# Kinds of actions, as the first part of their names, in the order of the filter.
KINDS = {
    "session": "Sign-ins",
    "password": "Passwords",
    "profile": "Profile",
    "two_factor": "Two-step sign-in",
    "passkey": "Passkeys",
    "identity": "Linked accounts",
    "email": "Addresses",
    "api_key": "API keys",
    "member": "Members",
    "invitation": "Invitations",
    "workspace": "Workspace",
    "inbox": "Inboxes",
    "knowledge": "Knowledge",
    "mail": "Sent mail",
    "draft": "Drafts",
    "auto_replies": "Automatic replies",
    "alert": "Token alerts",
    "billing": "Billing",
}
_SENTENCES = {
    "session.started": "signed in with {method}",
    "session.ended": "signed out",
    "session.revoked": "signed out another device",
    "session.others_revoked": "signed out all other devices",
    "password.changed": "changed the password",
    "profile.changed": "changed the profile ({fields})",
    "profile.notifications_changed": "changed notifications ({fields})",
    "profile.picture_changed": "changed the picture",
    "passkey.added": "added the passkey “{name}”",
    "passkey.renamed": "named passkey {id} “{name}”",
    "passkey.removed": "removed passkey {id}",
    "identity.linked": "linked a {provider} account",
    "identity.unlinked": "unlinked the {provider} account",
    "api_key.created": "made the API key “{name}”",
    "api_key.revoked": "deleted the API key “{name}”",
    "api_key.used": "used an API key on this day",
    "inbox.created": "added the inbox {tag}",
    "inbox.changed": "changed the inbox {tag} ({fields})",
    "inbox.switched_off": "switched off the inbox {tag}",
    "inbox.deleted": "deleted the inbox {tag}",
    "inbox.reply_mode_changed": "set the replies of inbox {id} to {mode}",
    "inbox.sign_in_failed": "could not sign in to the servers of inbox {id}",
    "auto_replies.paused": "paused the automatic replies of inbox {id}, because there were too many",
    "knowledge.added": "added knowledge document {id}",
    "knowledge.changed": "changed knowledge document {id} ({fields})",
    "knowledge.deleted": "deleted knowledge document {id}",
    "mail.sent": "sent mail {id}",
    "mail.send_undone": "took mail {id} back before it left",
    "draft.made": "wrote draft {id} (model {model})",
    "draft.approved": "approved draft {id}",
    "draft.rejected": "rejected draft {id}",
    "alert.added": "set up an alert at {threshold} {unit} of AI tokens",
    "alert.changed": "changed alert {id} to {threshold} {unit} of AI tokens",
    "alert.deleted": "deleted the alert at {threshold} {unit} of AI tokens",
    "billing.purchase_begun": "began a purchase: {package} package, quantity {quantity}, {amount}",
    "billing.purchase_paid": "received {amount} and credited {tokens} AI tokens (purchase {id})",
    "billing.purchase_refunded": "sent {amount} of purchase {id} back",
    "billing.profile_changed": "changed the billing details",
    "billing.plan_chosen": "chose the plan {plan}, to be paid by {gateway}",
    "billing.plan_changed": "changed the plan to {plan} ({kind})",
    "billing.plan_cancelled": "cancelled the plan {plan}",
    "billing.plan_resumed": "resumed the plan {plan}",
    "billing.method_forgotten": "removed the payment method {label}",
}
_METHODS = {
    "register": "a new account",
    "password": "the password",
    "passkey": "a passkey",
    "google": "Google",
}


class _Facts(dict[str, str]):
    """A fact that an older line lacks leaves a gap instead of an error."""

    def __missing__(self, _key: str) -> str:
        return "…"


def sentence(row: ActivityRow) -> str:
    """What was done, like `sent mail 12`; an action without words of its own is named as it is."""
    words = _SENTENCES.get(row.action)
    if words is None:
        return row.action.replace(".", ": ").replace("_", " ")
    facts = _Facts({name: _written(value) for name, value in row.facts.items()})
    facts["id"] = row.subject.partition(":")[2]
    facts["method"] = _METHODS.get(facts["method"], facts["method"])
    return words.format_map(facts)


def actor_name(row: ActivityRow) -> str:
    """Who did it."""
    return row.user or "Convergio"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one).replace("_", " ") for one in value)
    return str(value)
