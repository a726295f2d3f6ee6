"""REST of sign-in and of a person's own settings."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Body, Field, File, Router, Schema, UploadedFile
from pydantic import StrictBool

from convergio.accounts import actions, api_key_queries, api_keys, entrance, queries
from convergio.accounts.answers import EntryOut, RenewedOut, entry_answer, renewed_answer
from convergio.accounts.client import client_of
from convergio.accounts.fields import image_type
from convergio.accounts.login_history import login_history_file
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.sign_in import sign_in
from convergio.accounts.two_factor import Typed
from convergio.core.errors import NotFound
from convergio.core.rest import Moment, json_answer, schema_of

router = Router()

ProfileOut = schema_of(queries.Profile)
SessionOut = schema_of(queries.Session)
KeyOut = schema_of(api_key_queries.Key)
AttemptOut = schema_of(queries.Attempt)


class Credentials(Schema):
    """An address and its password."""

    email: str
    password: str


class Login(Credentials):
    """With two-step sign-in, the code of the app or a backup code goes into the same body."""

    code: str = ""
    backup_code: str = ""


class Registration(Credentials):
    """A new account; the workspace is named after the person."""

    name: str = ""


class RefreshToken(Schema):
    """The refresh token of the last answer."""

    refresh_token: str = Field(alias="refreshToken")


class Address(Schema):
    """Where to mail the link."""

    email: str


class NewPassword(Schema):
    """The token of the mailed link, and the password to set."""

    token: str
    password: str


class ProfileChanges(Schema):
    """Fields that are absent keep their value."""

    name: str | None = None
    company: str | None = None
    phone: str | None = None
    timezone: str | None = Field(None, description="IANA name, like Asia/Kolkata")


class PasswordChange(Schema):
    """The password in use, and the one to use from now on."""

    current_password: str
    new_password: str


class NewKey(Schema):
    """A name to tell keys apart, what it may do, and when it stops working (never, when absent)."""

    name: str
    scopes: list[str] | None = Field(
        None, max_length=50, description='Like tasks:read; absent or ["*"]: all that its maker may do'
    )
    inbox_ids: list[int] | None = Field(
        None,
        description="The only inboxes whose mail it reaches, with scopes of emails and inboxes; absent: all",
    )
    expires_at: Moment | None = None


class NewKeyOut(KeyOut):  # type: ignore[misc, valid-type]
    """The key with its full value, which is shown this once."""

    key: str


class AvatarOut(Schema):
    """SHA-256 of the stored picture."""

    avatar: str


class Done(Schema):
    """It was done, or (password reset) it would look the same."""

    status: Literal["ok"] = "ok"


NotificationName = Annotated[str, Field(max_length=50, pattern=r"^[a-z0-9_]+$")]
DONE = {"status": "ok"}


@router.post("/auth/register", auth=None, response={201: EntryOut}, tags=["auth"], summary="Make an account")
def register(request: HttpRequest, body: Registration) -> HttpResponse:
    entry = entrance.sign_up(
        email=body.email, password=body.password, name=body.name, kind="api", client=client_of(request)
    )
    return entry_answer(entry, status=201)


@router.post("/auth/login", auth=None, response=EntryOut, tags=["auth"], summary="Sign in")
def login(request: HttpRequest, body: Login) -> HttpResponse:
    entry = sign_in(
        email=body.email,
        password=body.password,
        kind="api",
        client=client_of(request),
        typed=Typed(body.code, body.backup_code),
    )
    return entry_answer(entry)


@router.post("/auth/refresh", auth=None, response=EntryOut, tags=["auth"], summary="Exchange a refresh token")
def refresh(request: HttpRequest, body: RefreshToken) -> HttpResponse:
    return entry_answer(entrance.refresh(body.refresh_token, client=client_of(request)))


@router.post("/auth/logout", response=Done, tags=["auth"], summary="End this session")
def logout(request: SignedInHttpRequest) -> HttpResponse:
    entrance.sign_out(request.actor)
    return json_answer(DONE)


@router.get("/auth/me", response=ProfileOut, tags=["auth"], summary="Who am I")
def me(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.profile(request.actor))


@router.post("/auth/password-reset", auth=None, response=Done, tags=["auth"], summary="Ask for a reset link")
def request_password_reset(request: HttpRequest, body: Address) -> HttpResponse:
    actions.request_password_reset(email=body.email, client=client_of(request))
    return json_answer(DONE)


@router.post(
    "/auth/password-reset/confirm", auth=None, response=Done, tags=["auth"], summary="Spend a reset link"
)
def confirm_password_reset(request: HttpRequest, body: NewPassword) -> HttpResponse:
    actions.reset_password(token=body.token, password=body.password, client=client_of(request))
    return json_answer(DONE)


@router.get("/settings/profile", response=ProfileOut, tags=["profile"], summary="The own profile")
def get_profile(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.profile(request.actor))


@router.patch("/settings/profile", response=ProfileOut, tags=["profile"], summary="Change the own profile")
def update_profile(request: SignedInHttpRequest, body: ProfileChanges) -> HttpResponse:
    actions.update_profile(request.actor, **body.model_dump(exclude_unset=True))
    return json_answer(queries.profile(request.actor))


@router.get("/settings/profile/avatar", tags=["profile"], summary="The own picture")
def get_avatar(request: SignedInHttpRequest) -> HttpResponse:
    content = queries.avatar(request.actor)
    if content is None:
        raise NotFound("picture")
    return HttpResponse(
        content,
        content_type=image_type(content),
        headers={"Content-Disposition": 'inline; filename="avatar"'},
    )


@router.post("/settings/profile/avatar", response=AvatarOut, tags=["profile"], summary="Set the own picture")
def set_avatar(request: SignedInHttpRequest, avatar: File[UploadedFile]) -> HttpResponse:
    return json_answer({"avatar": actions.set_avatar(request.actor, avatar.read())})


@router.patch(
    "/settings/profile/notifications",
    response=dict[str, bool],
    tags=["profile"],
    summary="Switch notifications on or off by name",
)
def update_notifications(
    request: SignedInHttpRequest, body: Body[dict[NotificationName, StrictBool]]
) -> HttpResponse:
    actions.update_notifications(request.actor, wanted=body)
    return json_answer(queries.profile(request.actor).notification_preferences)


@router.post(
    "/settings/security/password", response=RenewedOut, tags=["security"], summary="Change the password"
)
def change_password(request: SignedInHttpRequest, body: PasswordChange) -> HttpResponse:
    tokens = actions.change_password(
        request.actor, current=body.current_password, new=body.new_password, client=client_of(request)
    )
    return renewed_answer(request, tokens)


@router.get(
    "/settings/security/sessions",
    response=list[SessionOut],  # type: ignore[valid-type]
    tags=["security"],
    summary="Living sessions",
)
def list_sessions(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.list_sessions(request.actor))


@router.delete(
    "/settings/security/sessions/{int:session_id}",
    response={204: None},
    tags=["security"],
    summary="End a session at once",
)
def revoke_session(request: SignedInHttpRequest, session_id: int) -> HttpResponse:
    actions.revoke_session(request.actor, session_id)
    return HttpResponse(status=204)


@router.get(
    "/settings/security/api-keys",
    response=list[KeyOut],  # type: ignore[valid-type]
    tags=["security"],
    summary="Living API keys: the own ones, for admins all of the workspace",
)
def list_api_keys(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(api_key_queries.list_api_keys(request.actor))


@router.post(
    "/settings/security/api-keys",
    response={201: NewKeyOut},
    tags=["security"],
    summary="Make an API key; `key` is shown this once",
)
def create_api_key(request: SignedInHttpRequest, body: NewKey) -> HttpResponse:
    key, value = api_keys.create_api_key(request.actor, client=client_of(request), **body.model_dump())
    row = api_key_queries.get_api_key(request.actor, key.id)
    return json_answer({**msgspec.structs.asdict(row), "key": value}, status=201)


@router.delete(
    "/settings/security/api-keys/{int:key_id}",
    response={204: None},
    tags=["security"],
    summary="End an API key at once",
)
def revoke_api_key(request: SignedInHttpRequest, key_id: int) -> HttpResponse:
    api_keys.revoke_api_key(request.actor, key_id, client=client_of(request))
    return HttpResponse(status=204)


@router.get(
    "/settings/security/login-history",
    response=list[AttemptOut],  # type: ignore[valid-type]
    tags=["security"],
    summary="The last 50 attempts to sign in",
)
def login_history(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.login_history(request.actor))


@router.get("/settings/security/login-history/csv", tags=["security"], summary="All attempts, as a CSV file")
def download_login_history(request: SignedInHttpRequest) -> StreamingHttpResponse:
    return login_history_file(request.actor)
