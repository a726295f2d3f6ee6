"""How long a refused sign-in takes, for addresses with an account and without one."""

from __future__ import annotations

import json
import time
from functools import partial
from statistics import median

import pytest

from convergio.accounts.models import User
from convergio.core import sql
from tests.e2e.service import EMAIL, Service, answers, free_ports, wait_for
from tests.proofs.racing import send, service
from tests.proofs.report import report

__all__ = ["service"]
pytestmark = pytest.mark.proof

TRIES = 200
_COPY = """
INSERT INTO users (email, password_hash, name)
SELECT 'person' || n || '@convergio.test', password_hash, 'Person' FROM users, generate_series(1, %s) AS n
WHERE email = %s
"""


def refused(url: str, email: str, number: int) -> float:
    """Milliseconds of one wrong password; each comes from a network of its own, so that nobody has to wait."""
    body = json.dumps({"email": email, "password": "a wrong password"})
    began = time.perf_counter()
    status, _, _ = send(
        url,
        "/api/auth/login",
        body=body,
        Content_Type="application/json",
        X_Forwarded_For=f"198.51.{number // 250}.{number % 250}",
    )
    spent = (time.perf_counter() - began) * 1000
    assert status == 401
    return spent


def test_proof_a_refused_sign_in_takes_as_long_with_an_account_as_without(service: Service) -> None:
    sql.execute(_COPY, [TRIES, EMAIL])
    assert User.objects.count() == TRIES + 1
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    service.start("web", "--port", str(port), "--workers", "1", CONVERGIO_TRUSTED_PROXIES="127.0.0.1")
    wait_for(partial(answers, f"{url}/api/health"), f"{url} to answer")
    for number in range(20):  # warm
        refused(url, f"warm{number}@convergio.test", 1000 + number)
    existing, missing = [], []
    for number in range(1, TRIES + 1):
        existing.append(refused(url, f"person{number}@convergio.test", 2 * number))
        missing.append(refused(url, f"nobody{number}@convergio.test", 2 * number + 1))
    ratio = median(existing) / median(missing)
    report(
        "How long a refused sign-in takes",
        [
            f"- {TRIES} tries each, in turn",
            f"- median {median(existing):.1f} ms with an account, {median(missing):.1f} ms without",
            f"- ratio {ratio:.3f} (aim: 0.95 to 1.05)",
        ],
    )
    assert 0.95 <= ratio <= 1.05
