"""REST of two-step sign-in, trusted browsers, and of proving once more who one is."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Field, Router, Schema

from convergio.accounts import trusted_devices, two_factor, two_factor_actions
from convergio.accounts.answers import RenewedOut, renewed_answer
from convergio.accounts.client import client_of
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.two_factor import Typed
from convergio.core.rest import json_answer, schema_of

router = Router()
_SECURITY = "/settings/security"

StateOut = schema_of(two_factor.State)
DeviceOut = schema_of(trusted_devices.Device)


class Proof(Schema):
    """The password, and a code of the app or a backup code while two-step sign-in is on."""

    password: str
    code: str = Field("", description="Six digits of the code app")
    backup_code: str = ""

    @property
    def typed(self) -> Typed:
        """The code, whichever it is."""
        return Typed(self.code, self.backup_code)


class SetupOut(Schema):
    """What the code app needs; it takes effect with a code at 2fa/verify."""

    secret: str
    otpauth_url: str
    qr_svg: str


class FirstCode(Schema):
    """Six digits of the app that is being set up."""

    code: str


class EnabledOut(RenewedOut):
    """Ten backup codes, shown this once; none when another app took the place of the first."""

    backup_codes: list[str]


class BackupCodesOut(Schema):
    """Ten backup codes, shown this once."""

    backup_codes: list[str]


@router.post("/auth/confirm", response=RenewedOut, tags=["auth"], summary="Prove once more who you are")
def confirm(request: SignedInHttpRequest, body: Proof) -> HttpResponse:
    tokens = two_factor_actions.confirm(
        request.actor, password=body.password, typed=body.typed, client=client_of(request)
    )
    return renewed_answer(request, tokens)


@router.get(
    f"{_SECURITY}/2fa", response=StateOut, tags=["security"], summary="Whether two-step sign-in is on"
)
def get_two_factor(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(two_factor.state(request.actor))


@router.post(
    f"{_SECURITY}/2fa/setup",
    response=SetupOut,
    tags=["security"],
    summary="Begin to set a code app up; takes a fresh sign-in",
)
def begin_setup(request: SignedInHttpRequest) -> HttpResponse:
    setup = two_factor_actions.begin_setup(request.actor)
    return json_answer({"secret": setup.secret, "otpauth_url": setup.otpauth_url, "qr_svg": setup.qr_svg})


@router.post(
    f"{_SECURITY}/2fa/verify",
    response=EnabledOut,
    tags=["security"],
    summary="Switch it on with a first code",
)
def finish_setup(request: SignedInHttpRequest, body: FirstCode) -> HttpResponse:
    enabled = two_factor_actions.finish_setup(request.actor, code=body.code, client=client_of(request))
    return renewed_answer(request, enabled.tokens, backup_codes=enabled.backup_codes)


@router.post(
    f"{_SECURITY}/2fa/disable", response=RenewedOut, tags=["security"], summary="Switch two-step sign-in off"
)
def disable(request: SignedInHttpRequest, body: Proof) -> HttpResponse:
    tokens = two_factor_actions.disable(
        request.actor, password=body.password, typed=body.typed, client=client_of(request)
    )
    return renewed_answer(request, tokens)


@router.post(
    f"{_SECURITY}/2fa/backup-codes",
    response=BackupCodesOut,
    tags=["security"],
    summary="Make ten other backup codes; those that were left end",
)
def make_backup_codes(request: SignedInHttpRequest, body: Proof) -> HttpResponse:
    codes = two_factor_actions.make_backup_codes(
        request.actor, password=body.password, typed=body.typed, client=client_of(request)
    )
    return json_answer({"backup_codes": codes})


@router.get(
    f"{_SECURITY}/trusted-devices",
    response=list[DeviceOut],  # type: ignore[valid-type]
    tags=["security"],
    summary="Browsers that are not asked for codes",
)
def list_trusted_devices(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(trusted_devices.list_devices(request.actor))


@router.delete(
    f"{_SECURITY}/trusted-devices/{{int:device_id}}",
    response={204: None},
    tags=["security"],
    summary="Ask this browser for codes again",
)
def remove_trusted_device(request: SignedInHttpRequest, device_id: int) -> HttpResponse:
    two_factor_actions.remove_trusted_device(request.actor, device_id, client=client_of(request))
    return HttpResponse(status=204)
