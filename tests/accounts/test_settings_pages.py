"""The settings pages: profile, sign-in, API keys, as a browser without script uses them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from convergio.accounts.models import ApiKey, UserSession
from tests.cast import PASSWORD, Person
from tests.mail.messages import make_inbox

pytestmark = pytest.mark.django_db
SETTINGS = "/dashboard/settings"


def text(client: Client, path: str) -> str:
    answer = client.get(f"{SETTINGS}{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_profile_is_shown_changed_and_says_so(owner: Person) -> None:
    client = owner.browser()
    assert 'value="Owner"' in text(client, "/profile")
    form = {"name": "Nia", "company": "Desk", "phone": "", "timezone": "Europe/Berlin"}
    answer = client.post(f"{SETTINGS}/profile", form)
    page = client.get(answer["Location"]).content.decode()
    assert "Profile saved" in page
    assert 'value="Nia"' in page


def test_a_wrong_field_keeps_what_was_typed(owner: Person) -> None:
    form = {"name": "Nia", "company": "", "phone": "1" * 51, "timezone": "Europe/Berlin"}
    answer = owner.browser().post(f"{SETTINGS}/profile", form)
    assert answer.status_code == 422
    assert b"50 characters or fewer" in answer.content
    assert b'value="Nia"' in answer.content


def test_the_password_changes_by_form(owner: Person) -> None:
    client = owner.browser()
    path = f"{SETTINGS}/security/password"
    wrong = client.post(path, {"current_password": "wrong", "new_password": "another long one"})
    assert (wrong.status_code, b"current password is wrong" in wrong.content) == (422, True)
    form = {"current_password": PASSWORD, "new_password": "another long one"}
    assert client.post(path, form)["Location"].endswith("done=password")
    assert "Password changed" in text(client, "/security?done=password")


def test_devices_are_listed_and_signed_out(owner: Person) -> None:
    client, other = owner.browser(), owner.program()
    page = text(client, "/security")
    assert "This device" in page
    (theirs,) = re.findall(r"/security/sessions/(\d+)/revoke", page)
    client.post(f"{SETTINGS}/security/sessions/{theirs}/revoke")
    assert other.get("/api/auth/me").status_code == 401
    owner.program()
    client.post(f"{SETTINGS}/security/sessions/revoke-others")
    assert UserSession.objects.filter(revoked_at=None).count() == 1


def test_the_last_attempts_are_shown_in_words(owner: Person) -> None:
    Client().post("/login", {"email": owner.user.email, "password": "wrong"})
    assert "Wrong password" in text(owner.browser(), "/security")


def test_a_key_is_shown_once_and_deleted(owner: Person) -> None:
    client = owner.browser()
    made = client.post(f"{SETTINGS}/api-keys", {"name": "n8n", "days": "30"}).content.decode()
    (key,) = re.findall(r">(cai_\w+)</code>", made)
    assert Client(headers={"X-API-Key": key}).get("/api/auth/me").status_code == 200
    page = text(client, "/api-keys")
    assert key not in page
    assert key[:12] in page
    client.post(f"{SETTINGS}/api-keys/{ApiKey.objects.get().id}/revoke")
    assert "No keys yet" in text(client, "/api-keys")


def test_a_key_is_made_for_some_things_and_some_inboxes(owner: Person) -> None:
    inbox = make_inbox(owner.workspace, name="Help desk")
    form = {"name": "n8n", "days": "", "may": "chosen", "scopes": ["emails:read"], "reach": "inboxes"}
    client = owner.browser()
    made = client.post(f"{SETTINGS}/api-keys", {**form, "inbox_ids": [inbox.id]}).content.decode()
    assert "Copy this key now" in made
    key = ApiKey.objects.get()
    assert (key.scopes, key.inbox_ids) == (["emails:read"], [inbox.id])
    assert re.search(r"Read emails<br>.*Help desk", made)


def test_a_wrong_choice_keeps_what_was_chosen(owner: Person) -> None:
    inbox = make_inbox(owner.workspace)
    form = {"name": "n8n", "days": "90", "may": "chosen", "scopes": ["tasks:read"], "reach": "inboxes"}
    answer = owner.browser().post(f"{SETTINGS}/api-keys", {**form, "inbox_ids": [inbox.id]})
    page = answer.content.decode()
    assert (answer.status_code, "limited to inboxes takes emails:read" in page) == (422, True)
    for kept in (
        'value="n8n"',
        'value="90" selected',
        'value="chosen" checked',
        f'value="{inbox.id}" checked',
    ):
        assert kept in page
    assert re.search(r'value="tasks:read"[^>]* checked', page)
    assert not ApiKey.objects.exists()
    for broken in ({"inbox_ids": ["x"]}, {"days": "7"}):
        assert owner.browser().post(f"{SETTINGS}/api-keys", {**form, **broken}).status_code == 422


def test_an_old_sign_in_keeps_what_was_chosen_on_the_way_to_a_fresh_one(owner: Person) -> None:
    client = owner.browser()
    UserSession.objects.update(authenticated_at="2026-01-01T20:00:00Z")
    form = {"name": "n8n & co", "days": "30", "may": "chosen", "scopes": ["tasks:read", "tasks:write"]}
    answer = client.post(f"{SETTINGS}/api-keys", form)
    page = unescape(answer.content.decode())
    assert (answer.status_code, "Confirm that it is you" in page) == (403, True)
    assert 'value="n8n & co"' in page
    (link,) = re.findall(r'href="(/confirm\?[^"]+)"', page)
    (back,) = parse_qs(urlsplit(link).query)["next"]
    again = unescape(client.get(back).content.decode())
    assert 'value="n8n & co"' in again
    assert 'value="30" selected' in again
    assert len(re.findall(r'value="tasks:\w+"[^>]* checked', again)) == 2
    assert not ApiKey.objects.exists()


def test_an_admin_ends_a_members_key_by_page(owner: Person, teammate: Person) -> None:
    teammate.browser().post(f"{SETTINGS}/api-keys", {"name": "theirs", "days": ""})
    page = text(owner.browser(), "/api-keys")
    assert "by Teammate" in page
    path = f"{SETTINGS}/api-keys/{ApiKey.objects.get().id}/revoke"
    assert owner.browser().post(path)["Location"].endswith("done=key")
    assert ApiKey.objects.get().revoked_at


def test_times_are_shown_in_the_readers_zone(owner: Person) -> None:
    client = owner.browser()
    UserSession.objects.update(created_at="2026-01-01T20:00:00Z")
    assert "2026-01-02T01:30:00+05:30" in text(client, "/security")
