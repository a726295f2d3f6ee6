"""Races for what may be used once: 50 requests at once on two web processes, and exactly one wins."""

from __future__ import annotations

import json
import re
from typing import Any

import pyotp
import pytest

from convergio.accounts.models import User, UserSession
from tests.e2e.service import PASSWORD, Service, wait_for
from tests.proofs.racing import REQUESTS, Sent, at_once, send, service
from tests.proofs.report import report

__all__ = ["service"]
pytestmark = pytest.mark.proof

ASHA, NEW = "asha@convergio.test", "new@convergio.test"


def post(url: str, path: str, body: dict[str, Any], token: str = "") -> Sent:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return send(url, path, body=json.dumps(body), Content_Type="application/json", **headers)


def switch_two_steps_on(service: Service) -> list[str]:
    """Make Asha's account with a code app; the answer is its backup codes."""
    url = service.urls[0]
    account = {"email": ASHA, "password": PASSWORD, "name": "Asha Nair"}
    token = json.loads(post(url, "/api/auth/register", account)[2])["token"]
    secret = json.loads(post(url, "/api/settings/security/2fa/setup", {}, token)[2])["secret"]
    code = pyotp.TOTP(secret).now()
    answer = json.loads(post(url, "/api/settings/security/2fa/verify", {"code": code}, token)[2])
    return list(answer["backup_codes"])


def mailed_reset_token(service: Service) -> str:
    post(service.urls[0], "/api/auth/password-reset", {"email": ASHA})

    def found() -> Any:
        texts = [mail.get_content() for mail in service.sent() if mail["To"] == ASHA]
        return next(filter(None, (re.search(r"/reset/confirm\?token=(\S+)", text) for text in texts)), None)

    return str(wait_for(found, "the reset link's mail")[1])


def test_proof_of_50_parallel_uses_exactly_one_wins(service: Service) -> None:
    code, *_ = switch_two_steps_on(service)
    login = {"email": ASHA, "password": PASSWORD, "backup_code": code}
    before = UserSession.objects.filter(user__email=ASHA).count()
    entered = at_once(service, lambda url: post(url, "/api/auth/login", login))
    sessions = UserSession.objects.filter(user__email=ASHA).count() - before

    token = mailed_reset_token(service)
    choice = {"token": token, "password": "another long one"}
    reset = at_once(service, lambda url: post(url, "/api/auth/password-reset/confirm", choice))

    account = {"email": NEW, "password": PASSWORD, "name": "Lata Menon"}
    claimed = at_once(service, lambda url: post(url, "/api/auth/register", account))

    report(
        "One backup code, reset link and address, used 50 times at once on two web processes",
        [
            f"- signed in by one backup code: {dict(entered)} (429: the counter of codes)",
            f"- password set by one reset link: {dict(reset)}",
            f"- registered with one address: {dict(claimed)} (429: the counter of registrations)",
        ],
    )
    assert (entered[200], entered.total(), sessions) == (1, REQUESTS, 1)
    assert set(entered) <= {200, 401, 429}
    assert reset == {200: 1, 400: REQUESTS - 1}
    assert (claimed[201], set(claimed) <= {201, 409, 429}) == (1, True)
    assert User.objects.filter(email=NEW).count() == 1
