"""Whom the state machine is about, what can happen, and what can follow from it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

Status = Literal["free", "pending", "trialing", "active", "past_due", "cancelling"]


class Version(msgspec.Struct, frozen=True):
    """A plan as it was sold."""

    id: int
    plan_id: int
    slug: str
    name: str
    price: int
    currency: str
    tokens: int


class State(msgspec.Struct, frozen=True):
    """All that the machine knows of a user. `free` is what they fall back to; `reference` names the contract, and
    stays after its end."""

    status: Status
    version: Version
    free: Version
    signed_up: datetime
    next_version: Version | None = None
    gateway: str = ""
    gateway_id: str = ""
    reference: str = ""
    idempotency_key: str = ""
    anchor: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    past_due_since: datetime | None = None
    reminders: int = 0
    noticed_end: datetime | None = None
    changed_at: datetime | None = None

    @property
    def is_on_free(self) -> bool:
        return self.status in ("free", "pending")

    def is_over(self, moment: datetime) -> bool:
        """Whether the paid period, if there is one, is past."""
        return self.period_end is None or self.period_end <= moment


class Event(msgspec.Struct, frozen=True):
    """What happened; its fields are kept with it."""

    name: ClassVar[str]


class Subscribed(Event, frozen=True):
    name = "subscribed"
    version: Version
    gateway: str
    reference: str
    idempotency_key: str


class TrialStarted(Event, frozen=True):
    name = "trial_started"
    start: datetime
    end: datetime


class Charged(Event, frozen=True):
    """A period was paid, as the gateway's API says."""

    name = "charged"
    payment_id: str
    amount: int
    currency: str
    version: Version
    period_start: datetime
    period_end: datetime


class Upgraded(Event, frozen=True):
    """What a larger plan costs until the period's end was paid."""

    name = "upgraded"
    payment_id: str
    amount: int
    currency: str
    version: Version
    tokens: int
    period_start: datetime
    period_end: datetime


class ChargeFailed(Event, frozen=True):
    name = "charge_failed"
    reason: str


class RetryFailed(Event, frozen=True):
    name = "retry_failed"
    day: int


class GivenUp(Event, frozen=True):
    name = "given_up"


class Abandoned(Event, frozen=True):
    """Nobody agreed in time, or the buyer thought better of it."""

    name = "abandoned"


class Ended(Event, frozen=True):
    """The contract is over at the gateway."""

    name = "ended"


class PeriodEnded(Event, frozen=True):
    name = "period_ended"


class ChangeScheduled(Event, frozen=True):
    """From the next period on another plan."""

    name = "change_scheduled"
    version: Version


class ChangeDropped(Event, frozen=True):
    name = "change_dropped"


class ChangeRefused(Event, frozen=True):
    """The gateway keeps charging for this version: a mandate that cannot be moved."""

    name = "change_refused"
    version: Version


class Cancelled(Event, frozen=True):
    name = "cancelled"


class Resumed(Event, frozen=True):
    name = "resumed"


class Noticed(Event, frozen=True):
    """The next charge was announced."""

    name = "noticed"


class Pay(msgspec.Struct, frozen=True):
    """Write the payment down, invoice it and grant its tokens until its period's end."""

    kind: Literal["period", "upgrade"]
    payment: Charged | Upgraded
    tokens: int


class GrantTrial(msgspec.Struct, frozen=True):
    """The trial's tokens."""

    tokens: int
    expires_at: datetime


class Allow(msgspec.Struct, frozen=True):
    """What Free grants this month, unless it did."""


class Mail(msgspec.Struct, frozen=True):
    """Tell the subscriber of this event."""


class MoveAtGateway(msgspec.Struct, frozen=True):
    """The contract shall charge for the plan of the next period."""


Effect = Pay | GrantTrial | Allow | Mail | MoveAtGateway
