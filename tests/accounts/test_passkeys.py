"""Passkeys as whole requests, with an authenticator in software that is honest, or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import LoginHistory, Passkey, SignInStep, User, UserSession
from convergio.core.clock import now
from tests.accounts.authenticator import MAY_SYNC, PRESENT, SYNCED, VERIFIED
from tests.accounts.ceremonies import API, ORIGIN, PARTY, begin, device, post, register, registered, sign_in
from tests.cast import Person

pytestmark = pytest.mark.django_db
PAGES = "/dashboard/settings/security"


@pytest.fixture(autouse=True)
def _public_address(settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN


def attempts(**wanted: Any) -> list[tuple[str, str, str]]:
    found = LoginHistory.objects.filter(**wanted).order_by("id")
    return list(found.values_list("method", "outcome", "reason"))


def test_a_passkey_is_made_and_signs_in_without_a_password_as_two_factors(owner: Person) -> None:
    made_by = registered(owner)
    client = Client()
    answer = sign_in(client, made_by, next="/dashboard/workboost")
    assert (answer.status_code, answer.json()) == (200, {"next": "/dashboard/workboost"})
    assert client.get("/dashboard").status_code == 200
    assert UserSession.objects.latest("id").second_factor
    assert Passkey.objects.get().last_used_at is not None
    assert attempts(user=owner.user) == [("passkey_register", "success", ""), ("passkey", "success", "")]


def test_the_browser_is_asked_for_a_verified_discoverable_credential(owner: Person, outsider: Person) -> None:
    first = begin(owner.browser(), API)["options"]
    assert first["rp"] == {"id": PARTY, "name": "Convergio"}
    assert first["authenticatorSelection"]["residentKey"] == "required"
    assert first["authenticatorSelection"]["userVerification"] == "required"
    assert (first["user"]["name"], first["user"]["displayName"]) == ("owner@convergio.test", "Owner")
    assert first["user"]["id"] != begin(outsider.browser(), API)["options"]["user"]["id"]
    made_by = registered(owner)
    second = begin(owner.browser(), API)["options"]
    assert [one["id"] for one in second["excludeCredentials"]] == [made_by.create(second)["id"]], (
        "the same device is not asked twice"
    )
    asked = begin(Client(), "/login/passkey")["options"]
    assert (asked["userVerification"], asked["allowCredentials"]) == ("required", [])


def test_the_public_address_alone_decides_the_relying_party(owner: Person, settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example:8443/office"
    settings.ALLOWED_HOSTS = ["evil.example"]
    client = owner.browser()
    client.defaults["HTTP_HOST"] = "evil.example"
    began = post(client, f"{API}/options", {})
    assert began.json()["options"]["rp"]["id"] == PARTY
    made_by = device(origin="https://desk.example:8443")
    assert register(client, made_by).status_code == 201


def test_an_open_redirect_is_not_followed(owner: Person) -> None:
    answer = sign_in(Client(), registered(owner), next="https://evil.example/")
    assert answer.json() == {"next": "/dashboard"}


LIES: dict[str, dict[str, Any]] = {
    "wrong origin": {"origin": "https://evil.example"},
    "another port": {"origin": f"{ORIGIN}:444"},
    "wrong relying party": {"relying_party": "evil.example"},
    "nobody there": {"flags": VERIFIED},
    "nobody verified": {"flags": PRESENT},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_authenticator_does_not_sign_in(owner: Person, lie: str) -> None:
    made_by = registered(owner)
    for name, value in LIES[lie].items():
        setattr(made_by, name, value)
    answer = sign_in(Client(), made_by)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_passkey")
    assert UserSession.objects.filter(kind="browser").count() == 1
    assert attempts(method="passkey") == [("passkey", "failure", "invalid_answer")]
    assert LoginHistory.objects.get(method="passkey").user == owner.user
    assert Passkey.objects.get().last_used_at is None


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_authenticator_is_not_registered(owner: Person, lie: str) -> None:
    answer = register(owner.browser(), device(**LIES[lie]))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_passkey")
    assert not Passkey.objects.exists()
    assert attempts() == [("passkey_register", "failure", "invalid_answer")]


def test_a_challenge_works_once_whatever_the_answer(owner: Person) -> None:
    made_by = registered(owner)
    client = Client()
    began = begin(client, "/login/passkey")
    body = {"ceremony": began["ceremony"], "answer": made_by.get(began["options"])}
    assert post(client, "/login/passkey", body).status_code == 200
    replayed = post(Client(), "/login/passkey", body)
    assert (replayed.status_code, replayed.json()["code"]) == (400, "stale_passkey_request")
    assert attempts(reason="stale_request") == [("passkey", "failure", "stale_request")]

    began = begin(client, "/login/passkey")
    wrong = {**body, "ceremony": began["ceremony"]}
    assert post(client, "/login/passkey", wrong).json()["code"] == "invalid_passkey"
    right = {"ceremony": began["ceremony"], "answer": made_by.get(began["options"])}
    assert post(client, "/login/passkey", right).json()["code"] == "stale_passkey_request"


def test_a_challenge_is_good_for_ten_minutes(owner: Person) -> None:
    made_by = registered(owner)
    began = begin(Client(), "/login/passkey")
    left = SignInStep.objects.latest("id").expires_at - now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    SignInStep.objects.update(expires_at=now() - timedelta(seconds=1))
    body = {"ceremony": began["ceremony"], "answer": made_by.get(began["options"])}
    assert post(Client(), "/login/passkey", body).json()["code"] == "stale_passkey_request"


def test_challenges_of_one_purpose_serve_no_other(owner: Person, outsider: Person) -> None:
    made_by = registered(owner)
    client = owner.browser()
    for_login, to_confirm = begin(Client(), "/login/passkey"), begin(client, "/confirm/passkey")
    for began, path in ((for_login, "/confirm/passkey"), (to_confirm, "/login/passkey")):
        body = {"ceremony": began["ceremony"], "answer": made_by.get(began["options"])}
        assert post(client, path, body).json()["code"] == "stale_passkey_request"
    began = begin(client, API)
    body = {"ceremony": began["ceremony"], "answer": device().create(began["options"])}
    stolen = post(outsider.browser(), API, body)
    assert (stolen.status_code, stolen.json()["code"]) == (400, "stale_passkey_request")
    assert Passkey.objects.count() == 1


def test_a_sign_count_that_does_not_grow_is_refused_and_written_down(owner: Person) -> None:
    made_by = registered(owner)
    made_by.sign_count = 7
    assert sign_in(Client(), made_by).status_code == 200
    for count in (7, 6, 0):
        made_by.sign_count = count
        assert sign_in(Client(), made_by).status_code == 401
    assert Passkey.objects.get().sign_count == 7
    assert attempts(reason="sign_count", user=owner.user) == [("passkey", "failure", "sign_count")] * 3
    made_by.sign_count = 8
    assert sign_in(Client(), made_by).status_code == 200


def test_a_passkey_without_a_counter_keeps_working(owner: Person) -> None:
    made_by = registered(owner)
    assert [sign_in(Client(), made_by).status_code for _ in range(3)] == [200] * 3


def test_unknown_wrong_and_closed_are_told_alike(owner: Person, outsider: Person) -> None:
    closed, forged = registered(outsider), registered(owner)
    User.objects.filter(id=outsider.user.id).update(is_active=False)
    forged.key = device().key
    answers = [sign_in(Client(), one) for one in (device(), forged, closed)]
    assert {(one.status_code, one.content) for one in answers} == {(401, answers[0].content)}
    assert [reason for _, _, reason in attempts(method="passkey")] == [
        "unknown_passkey",
        "invalid_answer",
        "account_closed",
    ]


def test_the_authenticator_must_name_the_account_that_the_passkey_is_of(
    owner: Person, outsider: Person
) -> None:
    mine, theirs = registered(owner), registered(outsider)
    for handle in (theirs.user_handle, b""):
        mine.user_handle = handle
        assert sign_in(Client(), mine).status_code == 401


def test_a_passkey_outlives_a_change_of_the_secret_key(owner: Person, settings: Any) -> None:
    made_by = registered(owner)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-another-secret-key"
    assert sign_in(Client(), made_by).status_code == 200
    assert (
        begin(owner.browser(), API)["options"]["user"]["id"]
        == made_by.get({"challenge": ""})["response"]["userHandle"]
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"ceremony": 1, "answer": {}}',
        b'{"ceremony": "x"}',
        b'{"ceremony": "x", "answer": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"ceremony": "\xff", "answer": {}}',
    ],
)
def test_what_is_no_answer_is_a_bad_request(owner: Person, body: bytes) -> None:
    for client, path in ((Client(), "/login/passkey"), (owner.browser(), "/confirm/passkey")):
        answer = client.post(
            path, body, content_type="application/json", headers={"Accept": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_an_endless_answer_is_too_large(client: Client) -> None:
    answer = post(client, "/login/passkey", {"ceremony": "x" * 70_000, "answer": {}})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


GARBAGE: list[Any] = [None, 0, [], {}, "", "!", "\0", "AAAA", "é", "A" * 5000]


@pytest.mark.parametrize(
    "field", ["id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature"]
)
def test_garbage_in_any_field_is_refused(owner: Person, field: str) -> None:
    made_by = registered(owner)
    for garbage in GARBAGE:
        began = begin(Client(), "/login/passkey")
        answer = made_by.get(began["options"])
        (answer if field in answer else answer["response"])[field] = garbage
        said = post(
            Client(REMOTE_ADDR=""), "/login/passkey", {"ceremony": began["ceremony"], "answer": answer}
        )
        assert (said.status_code, said.json()["code"]) == (401, "invalid_passkey"), garbage
    assert UserSession.objects.count() == 1


@pytest.mark.parametrize("garbage", ["", "!", "AAAA", "oWNmbXQ", "A" * 3000])
def test_a_garbled_attestation_is_refused(owner: Person, garbage: str) -> None:
    client = owner.browser()
    began = begin(client, API)
    answer = device().create(began["options"])
    answer["response"]["attestationObject"] = garbage
    said = post(client, API, {"ceremony": began["ceremony"], "answer": answer})
    assert (said.status_code, said.json()["code"]) == (400, "invalid_passkey")
    assert not Passkey.objects.exists()


def test_refused_answers_slow_an_address_down(client: Client) -> None:
    answers = [sign_in(client, device()) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 6 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert attempts(reason="throttled") == [("passkey", "failure", "throttled")]


def test_confirming_renews_the_session_and_counts_as_two_factors(owner: Person, settings: Any) -> None:
    made_by = registered(owner)
    client = owner.browser()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    UserSession.objects.update(authenticated_at=now() - timedelta(hours=1))
    assert post(client, f"{API}/options", {}).json()["code"] == "fresh_sign_in_required"
    began = begin(client, "/confirm/passkey")
    assert len(began["options"]["allowCredentials"]) == 1
    answer = post(
        client,
        "/confirm/passkey",
        {"ceremony": began["ceremony"], "answer": made_by.get(began["options"]), "next": PAGES},
    )
    assert (answer.status_code, answer.json()) == (200, {"next": PAGES})
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert begin(client, API)
    assert UserSession.objects.latest("id").second_factor
    old = Client()
    old.cookies[settings.SESSION_COOKIE_NAME] = before
    assert old.get("/dashboard").status_code == 302


def test_somebody_elses_passkey_confirms_nothing(owner: Person, outsider: Person) -> None:
    registered(owner)
    theirs = registered(outsider)
    client = owner.browser()
    began = begin(client, "/confirm/passkey")
    answer = post(
        client, "/confirm/passkey", {"ceremony": began["ceremony"], "answer": theirs.get(began["options"])}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_passkey")
    assert attempts(method="passkey_confirm", user=owner.user) == [
        ("passkey_confirm", "failure", "unknown_passkey")
    ]
    assert not UserSession.objects.latest("id").second_factor


def test_who_has_no_passkey_cannot_confirm_with_one(owner: Person) -> None:
    assert post(owner.browser(), "/confirm/passkey/options", {}).status_code == 404


def test_making_one_marks_the_session_and_gives_it_a_new_token(owner: Person, settings: Any) -> None:
    client = owner.browser()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert register(client, device()).status_code == 201
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert UserSession.objects.get().second_factor
    assert client.get("/dashboard").status_code == 200


def test_several_are_listed_renamed_and_removed(owner: Person) -> None:
    client = owner.browser()
    synced = device(flags=PRESENT | VERIFIED | MAY_SYNC | SYNCED)
    register(client, device(), "Work laptop")
    register(client, synced, "Phone")
    listed = client.get(API).json()
    assert [(one["name"], one["is_synced"], one["last_used_at"]) for one in listed] == [
        ("Work laptop", False, None),
        ("Phone", True, None),
    ]
    assert Passkey.objects.get(name="Phone").transports == ["internal"]
    first, second = (one["id"] for one in listed)
    renamed = client.patch(f"{API}/{first}", {"name": "  Desk  "}, content_type="application/json")
    assert renamed.status_code == 204
    empty = client.patch(f"{API}/{first}", {"name": " "}, content_type="application/json")
    assert (empty.status_code, empty.json()["code"]) == (400, "invalid_name")
    assert client.delete(f"{API}/{second}").status_code == 204
    assert [one["name"] for one in client.get(API).json()] == ["Desk"]
    assert sign_in(Client(), synced).status_code == 401
    assert attempts(method="passkey_remove") == [("passkey_remove", "success", "")]
    lines = [line for line in client.get("/api/activity").json() if "passkey" in line["action"]]
    assert [(line["action"], line["facts"].get("name", "")) for line in lines] == [
        ("passkey.removed", ""),
        ("passkey.renamed", "Desk"),
        ("passkey.added", "Phone"),
        ("passkey.added", "Work laptop"),
    ]


def test_a_passkey_without_a_name_gets_the_devices(owner: Person) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    client = owner.browser()
    client.defaults["HTTP_USER_AGENT"] = agent
    register(client, device())
    assert Passkey.objects.get().name == "Firefox on Linux"


def test_one_credential_is_registered_once(owner: Person, outsider: Person) -> None:
    made_by = registered(owner)
    again = register(outsider.browser(), made_by)
    assert (again.status_code, again.json()["code"]) == (409, "passkey_known")
    assert Passkey.objects.get().user == owner.user


def test_there_is_an_end_to_how_many(owner: Person) -> None:
    Passkey.objects.bulk_create(
        Passkey(user=owner.user, name="x", credential_id=bytes([n]), user_handle=b"h", public_key=b"k")
        for n in range(20)
    )
    answer = post(owner.browser(), f"{API}/options", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_passkeys")


def test_making_and_removing_take_a_fresh_session_and_a_person(owner: Person) -> None:
    registered(owner)
    passkey = Passkey.objects.get()
    client = owner.browser()
    UserSession.objects.update(authenticated_at=now() - timedelta(minutes=11))
    for answer in (
        post(client, f"{API}/options", {}),
        client.delete(f"{API}/{passkey.id}"),
        client.post(f"{PAGES}/passkeys/{passkey.id}/remove", headers={"Accept": "application/json"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "fresh_sign_in_required")
    assert Passkey.objects.exists()


def test_the_last_way_into_an_account_stays(owner: Person) -> None:
    made_by = registered(owner)
    owner.user.set_unusable_password()
    owner.user.save()
    client = owner.browser()
    passkey = Passkey.objects.get()
    answer = client.delete(f"{API}/{passkey.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_way_in")
    assert sign_in(Client(), made_by).status_code == 200
    register(client, device())
    assert client.delete(f"{API}/{passkey.id}").status_code == 204


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://192.0.2.7:3001", "bare IP address"),
        ("https://[2001:db8::1]", "bare IP address"),
        ("http://desk.example", "https"),
    ],
)
def test_where_browsers_refuse_passkeys_none_are_offered_and_settings_say_why(
    owner: Person, settings: Any, address: str, why: str
) -> None:
    settings.PUBLIC_URL = address
    client = owner.browser()
    page = client.get(PAGES).content.decode()
    assert why in page
    assert "Add passkey" not in page
    assert b"Use a passkey" not in client.get("/login").content
    for path in (API, "/login/passkey"):
        answer = post(client, f"{path}/options", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "passkeys_unavailable")


def test_the_settings_page_lists_names_and_offers_the_rest(owner: Person) -> None:
    client = owner.browser()
    assert "Add passkey" in client.get(PAGES).content.decode()
    register(client, device(), "<b>Laptop</b>")
    passkey = Passkey.objects.get()
    page = client.get(PAGES).content.decode()
    assert "&lt;b&gt;Laptop&lt;/b&gt;" in page
    assert "Not used yet" in page
    client.post(f"{PAGES}/passkeys/{passkey.id}/rename", {"name": "Desk"})
    assert Passkey.objects.get().name == "Desk"
    gone = client.post(f"{PAGES}/passkeys/{passkey.id}/remove")
    assert "Passkey removed" in client.get(gone["Location"]).content.decode()
    assert not Passkey.objects.exists()


def test_the_sign_in_page_offers_a_passkey(client: Client) -> None:
    page = client.get("/login?next=/dashboard/workboost").content.decode()
    assert 'data-passkey="/login/passkey" data-next="/dashboard/workboost" hidden' in page
    assert 'autocomplete="username webauthn"' in page
