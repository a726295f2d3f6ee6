"""The pages of two-step sign-in, as a browser without script uses them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from convergio.accounts.models import SignInStep, UserSession
from convergio.accounts.sign_in import MOST_TRIES
from convergio.core import sql
from tests.accounts.two_step import App, last_lines, log_in_by_page, stored, switch_on
from tests.cast import PASSWORD, Person
from tests.site.foreign import make, task_id

pytestmark = pytest.mark.django_db
SETTINGS = "/dashboard/settings/security"
STEP = "convergio_step"


@pytest.fixture
def app(owner: Person) -> App:
    return switch_on(owner)


def no_waiting() -> None:
    sql.execute("DELETE FROM login_throttles")


def grow_old() -> None:
    sql.execute("UPDATE user_sessions SET authenticated_at = statement_timestamp() - interval '11 minutes'")


def test_the_second_step_leads_where_one_wanted(owner: Person, app: App, client: Client) -> None:
    answer = log_in_by_page(client, owner, next="/dashboard/commboost?q=a")
    assert answer["Location"] == "/login/code?next=%2Fdashboard%2Fcommboost%3Fq%3Da"
    assert (answer.cookies[STEP]["httponly"], answer.cookies[STEP]["max-age"]) == (True, 600)
    assert "convergio" not in answer.cookies
    assert client.get("/dashboard").status_code == 302  # not signed in yet
    page = client.get(answer["Location"]).content.decode()
    assert 'value="/dashboard/commboost?q=a"' in page
    with app.code() as code:
        form = {"code": code, "next": "/dashboard/commboost?q=a"}
        entered = client.post("/login/code", form)
    assert (entered.status_code, entered["Location"]) == (302, "/dashboard/commboost?q=a")
    assert entered.cookies[STEP]["max-age"] == 0
    assert client.get("/api/auth/me").json()["email"] == owner.user.email
    assert last_lines(2) == [("password", "failure", "two_factor_required"), ("two_factor", "success", "")]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_second_step_never_leads_elsewhere(owner: Person, app: App, client: Client, address: str) -> None:
    assert log_in_by_page(client, owner, next=address)["Location"] == "/login/code"
    assert address.encode() not in client.get("/login/code", {"next": address}).content
    with app.code() as code:
        assert client.post("/login/code", {"code": code, "next": address})["Location"] == "/dashboard"


def test_a_wrong_code_keeps_the_step_and_what_was_ticked(owner: Person, app: App, client: Client) -> None:
    log_in_by_page(client, owner)
    wrong = client.post("/login/code", {"code": "000000", "trust": "on", "next": "/dashboard/workboost"})
    page = wrong.content.decode()
    assert (wrong.status_code, wrong["X-RateLimit-Remaining"]) == (401, "5")
    assert "wrong, too old or was used before" in page
    assert re.search(r'name="trust" checked', page)
    assert 'value="/dashboard/workboost"' in page
    with app.code() as code:
        assert client.post("/login/code", {"code": f"{code[:3]} {code[3:]}"}).status_code == 302


def test_a_recovery_code_has_a_page_of_its_own(owner: Person, app: App, client: Client) -> None:
    log_in_by_page(client, owner)
    page = client.get("/login/code?with=recovery").content.decode()
    assert "Recovery code" in page
    form = {"code": app.backup_codes[0].upper(), "with": "recovery"}
    assert client.post("/login/code", form).status_code == 302
    assert last_lines() == [("backup_code", "success", "")]


def test_the_step_ends_after_ten_minutes(owner: Person, app: App, client: Client) -> None:
    log_in_by_page(client, owner)
    sql.execute("UPDATE sign_in_steps SET expires_at = statement_timestamp() - interval '1 second'")
    assert b"Start again" in client.get("/login/code").content
    with app.code() as code:
        answer = client.post("/login/code", {"code": code})
    assert (answer.status_code, b"Start again" in answer.content) == (401, True)
    assert answer.cookies[STEP]["max-age"] == 0
    assert last_lines() == [("two_factor", "failure", "step_ended")]


def test_the_step_ends_after_ten_tries_even_with_the_right_code(
    owner: Person, app: App, client: Client
) -> None:
    log_in_by_page(client, owner)
    for _ in range(MOST_TRIES):
        assert b"Two-step sign-in" in client.post("/login/code", {"code": "000000"}).content
        no_waiting()
    with app.code() as code:
        answer = client.post("/login/code", {"code": code})
        assert b"Start again" in answer.content
        log_in_by_page(client, owner)
        assert client.post("/login/code", {"code": code}).status_code == 302


def test_a_step_is_finished_once(owner: Person, app: App, client: Client) -> None:
    log_in_by_page(client, owner)
    stolen = Client()
    stolen.cookies[STEP] = client.cookies[STEP].value
    with app.code() as code:
        client.post("/login/code", {"code": code})
    with app.code() as code:
        answer = stolen.post("/login/code", {"code": code})
    assert (answer.status_code, b"Start again" in answer.content) == (401, True)


@pytest.mark.parametrize("value", ["", "x", "a" * 4000, "another purpose"])
def test_a_foreign_step_cookie_opens_nothing(owner: Person, app: App, client: Client, value: str) -> None:
    if value == "another purpose":
        log_in_by_page(client, owner)
        SignInStep.objects.update(purpose="google")
    else:
        client.cookies[STEP] = value
    before = UserSession.objects.count()
    with app.code() as code:
        answer = client.post("/login/code", {"code": code})
    assert (answer.status_code, b"Start again" in answer.content) == (401, True)
    assert UserSession.objects.count() == before
    assert last_lines() == [("two_factor", "failure", "step_ended")]


def test_a_step_of_one_person_takes_no_code_of_another(
    owner: Person, outsider: Person, app: App, client: Client
) -> None:
    theirs = switch_on(outsider)
    log_in_by_page(client, owner)
    with theirs.code() as code:
        assert client.post("/login/code", {"code": code}).status_code == 401
    assert client.post("/login/code", {"code": theirs.backup_codes[0]}).status_code == 401


def test_a_changed_password_ends_the_step(owner: Person, app: App, client: Client) -> None:
    log_in_by_page(client, owner)
    form = {"current_password": PASSWORD, "new_password": "another long one"}
    assert owner.browser().post(f"{SETTINGS}/password", form).status_code == 302
    with app.code() as code:
        assert b"Start again" in client.post("/login/code", {"code": code}).content


def test_a_huge_password_is_refused_on_the_page(owner: Person, client: Client) -> None:
    answer = log_in_by_page(client, owner, password="x" * 500_000)
    assert (answer.status_code, b"256 characters or fewer" in answer.content) == (422, True)


def test_switching_on_by_page_shows_the_codes_once_and_as_a_file(owner: Person) -> None:
    client = owner.browser()
    assert "Set up" in client.get(SETTINGS).content.decode()
    assert b"Show the QR code" in client.get(f"{SETTINGS}/2fa/setup").content
    assert client.post(f"{SETTINGS}/2fa/setup")["Location"] == f"{SETTINGS}/2fa/setup"
    page = client.get(f"{SETTINGS}/2fa/setup").content.decode()
    assert "<svg viewBox" in page
    (shown,) = re.findall(r'<code class="cv-key">([A-Z2-7 ]+)</code>', page)
    app = App(shown.replace(" ", ""), [])

    wrong = client.post(f"{SETTINGS}/2fa/verify", {"code": "000000"})
    assert (wrong.status_code, shown in wrong.content.decode()) == (422, True)
    page = client.post(f"{SETTINGS}/2fa/verify", {"code": app.now()}).content.decode()
    codes = re.findall(r"<li><code>(\w{5}-\w{5})</code></li>", page)
    assert len(codes) == 10
    (download,) = re.findall(r'href="data:text/plain;charset=utf-8,([^"]+)" download=', page)
    assert [code in unquote(download) for code in codes] == [True] * 10
    page = client.get(SETTINGS).content.decode()
    assert "10 of 10 left" in page
    assert not any(code in page for code in codes)
    assert client.post(f"{SETTINGS}/2fa/verify", {"code": app.now()})["Location"] == f"{SETTINGS}/2fa/setup"


def test_other_codes_and_switching_off_by_page(owner: Person, app: App) -> None:
    client = owner.browser()
    for path in ("backup-codes", "disable"):
        wrong = client.post(f"{SETTINGS}/2fa/{path}", {"password": PASSWORD, "code": "000000"})
        assert (wrong.status_code, b"wrong, too old" in wrong.content) == (422, True)
    form = {"password": PASSWORD, "code": app.backup_codes[0]}
    page = client.post(f"{SETTINGS}/2fa/backup-codes", form).content.decode()
    (code, *_) = re.findall(r"<li><code>(\w{5}-\w{5})</code></li>", page)
    off = client.post(f"{SETTINGS}/2fa/disable", {"password": PASSWORD, "code": code})
    assert off["Location"].endswith("done=two_factor_off")
    assert stored(owner) is None
    assert "Two-step sign-in is off" in client.get(off["Location"]).content.decode()
    assert client.get(f"{SETTINGS}/2fa/disable")["Location"] == SETTINGS


def test_few_codes_are_told(owner: Person, app: App) -> None:
    client = owner.browser()
    assert "before you run out" not in client.get(SETTINGS).content.decode()
    sql.execute("UPDATE user_2fa SET backup_codes = jsonb_build_array(backup_codes->0, backup_codes->1)")
    page = client.get(SETTINGS).content.decode()
    assert "2 of 10 left. Make new ones before you run out." in page


def test_the_setup_asks_to_confirm_first(owner: Person) -> None:
    client = owner.browser()
    grow_old()
    asked = client.get(f"{SETTINGS}/2fa/setup")
    assert asked["Location"] == f"/confirm?next={SETTINGS.replace('/', '%2F')}%2F2fa%2Fsetup"
    assert f'value="{SETTINGS}/2fa/setup"' in client.get(asked["Location"]).content.decode()
    form = {"password": PASSWORD, "next": f"{SETTINGS}/2fa/setup"}
    wrong = client.post("/confirm", {**form, "password": "wrong"})
    assert (wrong.status_code, b"current password is wrong" in wrong.content) == (422, True)
    assert client.post("/confirm", form)["Location"] == f"{SETTINGS}/2fa/setup"
    assert client.get(f"{SETTINGS}/2fa/setup").status_code == 200


def test_confirming_asks_for_the_code_too(owner: Person, app: App) -> None:
    client = owner.browser()
    assert "Code" in client.get("/confirm").content.decode()
    missing = client.post("/confirm", {"password": PASSWORD})
    assert (missing.status_code, b"Enter the code" in missing.content) == (422, True)
    with app.code() as code:
        answer = client.post("/confirm", {"password": PASSWORD, "code": code, "next": "//evil.example"})
    assert answer["Location"] == "/dashboard"
    assert UserSession.objects.latest("id").second_factor


def test_wrong_tries_to_confirm_are_counted_in_a_counter_of_ones_own(owner: Person) -> None:
    client, other = owner.browser(), owner.browser()
    statuses = [client.post("/confirm", {"password": "wrong"}).status_code for _ in range(7)]
    assert statuses == [422] * 6 + [429]
    assert other.post("/confirm", {"password": PASSWORD}).status_code == 302


def test_the_token_is_new_after_confirming_and_a_form_behind_still_works(
    owner: Person, settings: Any
) -> None:
    client = owner.browser(csrf=True)
    page = client.get("/dashboard/settings/profile").content.decode()
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    form = {"password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/confirm", form).status_code == 302
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    profile = {"name": "Nia", "company": "", "phone": "", "timezone": "Europe/Berlin"}
    sent = client.post("/dashboard/settings/profile", {**profile, "csrfmiddlewaretoken": token})
    assert sent.status_code == 302


def test_a_form_sent_too_late_says_so_and_leads_back_to_its_page(owner: Person) -> None:
    client = owner.browser()
    grow_old()
    invite = {"email": "lata@convergio.test", "role": "member"}
    page = "http://testserver/dashboard/settings/people"
    answer = client.post("/dashboard/settings/people", invite, headers={"Referer": page})
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "Confirm that it is you" in text
    (link,) = re.findall(r'href="(/confirm\?next=[^"]+)"', text)
    form = client.get(link).content.decode()
    (back,) = re.findall(r'name="next" value="([^"]+)"', form)
    assert client.post("/confirm", {"password": PASSWORD, "next": back})["Location"] == page
    assert client.post("/dashboard/settings/people", invite).status_code == 302


def test_a_foreign_referrer_is_not_led_to(owner: Person) -> None:
    client = owner.browser()
    grow_old()
    answer = client.post(
        "/dashboard/settings/api-keys", {"name": "n8n"}, headers={"Referer": "https://evil.example/"}
    )
    assert b"evil.example" not in answer.content


def test_a_refused_password_change_still_shows_the_frames_counts(owner: Person) -> None:
    make(task_id, owner)
    client = owner.browser()
    counted = re.compile(r"WorkBoost.*?cv-nav__count[^>]*>(\d+)<", re.DOTALL)
    before = counted.search(client.get(SETTINGS).content.decode())
    form = {"current_password": "wrong", "new_password": "another long one"}
    after = counted.search(client.post(f"{SETTINGS}/password", form).content.decode())
    assert before is not None
    assert after is not None
    assert before[1] == after[1] == "1"
