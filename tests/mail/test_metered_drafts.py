"""Drafts by a model that costs tokens: held, charged, linked both ways; and what happens when there are too few."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.api_keys import issue_api_key
from convergio.ai.interface import DraftRequest, estimate_request, estimate_tokens
from convergio.ai.prices import PRICES
from convergio.billing import checks
from convergio.billing.models import AiStop, TokenBalance, TokenLedgerEntry, TokenUsage, UsageCounter
from convergio.core.errors import ProviderError
from convergio.core.tenancy import workspace_scope
from convergio.mail.drafting import draft_reply
from convergio.mail.ingest import store_messages
from convergio.mail.models import AutoReply, Email, Inbox
from convergio.work.models import Task
from tests.ai.scripted import ScriptedModel
from tests.billing.tokens import give_tokens
from tests.cast import Person
from tests.jobs import run_jobs
from tests.mail.api import call, inbox_of, receive
from tests.mail.messages import arrival, raw_message, receiver_of

ASK = "/ai/email-draft"


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def arrive(person: Person, inbox: Inbox, **fields: Any) -> int:
    email_id = receive(inbox, **fields).email_id
    run_jobs()
    return email_id


def draft_of(person: Person) -> AutoReply:
    with workspace_scope(person.workspace.id):
        return AutoReply.objects.get()


def balance(person: Person) -> tuple[int, int]:
    row = TokenBalance.objects.get(user=person.user)
    assert list(checks.broken()) == []
    return row.tokens, row.reserved


def sent_by_us(inbox: Inbox) -> int:
    raw = raw_message(message_id="ours@convergio.test", sender=inbox.email_address, to="ananya@lumen.example")
    [stored] = store_messages(receiver_of(inbox), [replace(arrival(raw), in_sent_folder=True)])
    return stored.email_id


def set_mode(person: Person, inbox: Inbox, mode: str) -> None:
    with workspace_scope(person.workspace.id):
        Inbox.objects.filter(id=inbox.id).update(reply_mode=mode)


def test_an_automatic_draft_is_charged_what_it_took_and_linked_both_ways(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)
    scripted.most = 400
    email_id = arrive(owner, support)
    draft, usage = draft_of(owner), TokenUsage.objects.get()
    assert (draft.input_tokens, draft.output_tokens, draft.usage_id, draft.stopped_by) == (
        120,
        30,
        usage.id,
        "",
    )
    assert (usage.feature, usage.cause, usage.inbox_id) == ("auto_reply", f"emails:{email_id}", support.id)
    assert (usage.member_id, usage.model, usage.charged_tokens) == (None, "scripted", 150)
    assert balance(owner) == (850, 0)
    entry = TokenLedgerEntry.objects.get(kind="usage")
    assert (entry.tokens, entry.usage_id, entry.cause) == (-150, usage.id, usage.cause)


def test_the_money_beside_a_draft_is_by_the_table_of_prices(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 100_000)
    price = PRICES[-1]
    scripted.name, scripted.takes, scripted.most = price.model, (20_000, 1_000), 30_000
    arrive(owner, support)
    expected = (20_000 * price.input + 1_000 * price.output + 500_000) // 1_000_000
    assert expected > 0
    assert draft_of(owner).cost == TokenUsage.objects.get().cost == expected


def test_a_follow_up_adds_its_call_to_the_draft(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)
    arrive(owner, support)
    arrive(owner, support, message_id="second@lumen.example", references=["first@lumen.example"])
    draft = draft_of(owner)
    assert (draft.input_tokens, draft.output_tokens) == (240, 60)
    assert draft.usage_id == TokenUsage.objects.latest("id").id
    assert balance(owner) == (700, 0)


def test_what_is_held_while_the_model_thinks_is_its_most(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)
    scripted.most = 700
    seen = []
    scripted.meanwhile = lambda _: seen.append(balance(owner))
    arrive(owner, support)
    assert seen == [(1_000, 700)]
    assert balance(owner) == (850, 0)


@pytest.mark.parametrize("kind", ["retry", "permanent", "auth"])
def test_a_call_that_fails_costs_nothing_and_holds_nothing(
    owner: Person, support: Inbox, scripted: ScriptedModel, kind: Any
) -> None:
    give_tokens(owner.user.id, 1_000)
    scripted.failure = ProviderError(kind, "It did not answer in time.")
    email_id = receive(support).email_id
    with pytest.raises(ProviderError):
        draft_reply(owner.workspace.id, email_id)
    assert balance(owner) == (1_000, 0)
    assert not TokenUsage.objects.exists()
    assert UsageCounter.objects.get().ai_replies == 0


def test_the_offline_provider_is_not_metered(owner: Person, support: Inbox) -> None:
    arrive(owner, support)
    draft = draft_of(owner)
    assert (draft.ai_model, draft.usage_id, draft.stopped_by) == ("offline", None, "")
    assert not TokenUsage.objects.exists()
    assert not AiStop.objects.exists()
    assert not TokenBalance.objects.filter(user=owner.user).exists()


def test_without_tokens_mail_arrives_a_task_is_made_and_the_draft_quotes_and_says_why(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 900)
    scripted.most = 2_400
    set_mode(owner, support, "auto")
    email_id = arrive(owner, support)
    draft = draft_of(owner)
    assert scripted.asked == []
    assert (draft.status, draft.ai_model, draft.stopped_by, draft.cost) == ("drafted", "offline", "tokens", 0)
    assert "up to 2,400 AI tokens and 900 are left" in draft.handover_reason
    assert "The next allowance comes on" in draft.handover_reason
    assert "No model wrote this" in draft.handover_reason
    with workspace_scope(owner.workspace.id):
        assert Email.objects.filter(id=email_id).exists()
        assert Task.objects.filter(email_id=email_id).exists()
    stop = AiStop.objects.get()
    assert (stop.reason, stop.feature, stop.cause, stop.needed, stop.available, stop.inbox_id) == (
        "tokens",
        "auto_reply",
        f"emails:{email_id}",
        2_400,
        900,
        support.id,
    )
    assert balance(owner) == (900, 0)


def test_past_the_months_quota_mail_arrives_and_drafts_quote(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id)
    receive(support)
    UsageCounter.objects.update(emails=101)
    run_jobs()
    assert (draft_of(owner).stopped_by, draft_of(owner).ai_model) == ("emails", "offline")
    assert "All 100 emails that the plan Free has for this month are used" in draft_of(owner).handover_reason
    assert arrive(owner, support, message_id="more@lumen.example", subject="More")
    assert UsageCounter.objects.get().emails == 102


def test_mail_counts_once_and_history_and_our_own_do_not(owner: Person, support: Inbox) -> None:
    receive(support)
    receive(support)  # the same message
    sent_by_us(support)
    store_messages(
        receiver_of(support), [arrival(raw_message(message_id="old@lumen.example"))], backfill=True
    )
    assert UsageCounter.objects.get().emails == 1


def test_the_page_says_that_ai_has_stopped_and_the_way_out(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    browser = owner.browser()
    assert "AI has stopped" not in browser.get("/dashboard/commboost").content.decode()
    arrive(owner, support)
    draft = draft_of(owner)
    for path in ("/dashboard/commboost", f"/dashboard/commboost/threads/{draft.thread_id}"):
        page = browser.get(path).content.decode()
        assert "AI has stopped: a call takes up to 150 tokens and 0 are left." in page
        assert 'href="/dashboard/settings/tokens">buy tokens</a>' in page
    assert 'href="/dashboard/settings/tokens">Buy tokens</a>' in page  # on the card
    give_tokens(owner.user.id, 1_000)
    assert "AI has stopped" not in browser.get("/dashboard/commboost").content.decode()


def test_a_person_asks_for_a_draft_and_it_is_theirs(
    owner: Person, teammate: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)
    set_mode(owner, support, "off")
    email_id = arrive(owner, support, headers=["Auto-Submitted: auto-generated"])
    answer = call(teammate.program(), "post", ASK, {"email_id": email_id})
    assert answer.status_code == 201, answer.content
    reply, usage = answer.json(), TokenUsage.objects.get()
    assert (reply["status"], reply["reply_text"], reply["usage_id"]) == ("drafted", "Yes, we do.", usage.id)
    assert (usage.feature, usage.member_id, usage.user_id) == ("draft", teammate.user.id, owner.user.id)
    assert balance(owner) == (850, 0)


def test_a_person_who_asks_without_tokens_is_refused_with_the_facts(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 100)
    set_mode(owner, support, "off")
    email_id = arrive(owner, support)
    answer = call(owner.program(), "post", ASK, {"email_id": email_id})
    assert answer.status_code == 402
    refusal = answer.json()
    assert (refusal["code"], refusal["limit"], refusal["needed"], refusal["balance"]) == (
        "out_of_tokens",
        "tokens",
        150,
        100,
    )
    assert refusal["resets_at"].endswith("Z")
    assert "up to 150 AI tokens and 100 are left" in refusal["error"]
    assert scripted.asked == []
    page = owner.browser().post("/dashboard/commboost/ask", {"email": email_id})
    assert page.status_code == 402
    assert 'href="/dashboard/settings/tokens">Buy tokens' in page.content.decode()
    assert AiStop.objects.get().times == 2
    with workspace_scope(owner.workspace.id):
        assert not AutoReply.objects.exists()


def test_a_person_asks_on_the_page(owner: Person, support: Inbox, scripted: ScriptedModel) -> None:
    give_tokens(owner.user.id, 1_000)
    set_mode(owner, support, "off")
    email_id = arrive(owner, support)
    with workspace_scope(owner.workspace.id):
        thread = f"/dashboard/commboost/threads/{Email.objects.get(id=email_id).thread_id}"
    browser = owner.browser()
    assert 'action="/dashboard/commboost/ask"' in browser.get(thread).content.decode()
    assert browser.post("/dashboard/commboost/ask", {"email": email_id}).headers["Location"] == thread
    assert "Yes, we do." in browser.get(thread).content.decode()
    answer = browser.post("/dashboard/commboost/ask", {"email": email_id}, headers={"HX-Request": "true"})
    assert "Yes, we do." in answer.content.decode()
    for wrong in ("", "x", "9" * 18):
        assert browser.post("/dashboard/commboost/ask", {"email": wrong}).status_code == 404


def test_an_answered_conversation_has_nothing_to_draft(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)
    answer = call(owner.program(), "post", ASK, {"email_id": sent_by_us(support)})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_answer")
    assert balance(owner) == (1_000, 0)


def test_a_conversation_that_went_on_meanwhile_keeps_its_newer_draft(
    owner: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(owner.user.id, 1_000)

    def write_on(_: DraftRequest) -> None:
        scripted.meanwhile = None
        receive(support, message_id="second@lumen.example", references=["first@lumen.example"])

    first = receive(support)
    scripted.meanwhile = write_on
    answer = call(owner.program(), "post", ASK, {"email_id": first.email_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "question_changed")
    assert balance(owner) == (850, 0)  # the vendor was asked, and answered


def test_a_key_of_another_inbox_cannot_ask(owner: Person, support: Inbox, scripted: ScriptedModel) -> None:
    give_tokens(owner.user.id, 1_000)
    hello = inbox_of(owner, "hello@convergio.test")
    email_id = receive(support).email_id
    mine = receive(hello, message_id="hello@lumen.example", to="hello@convergio.test").email_id
    _, key = issue_api_key(
        user_id=owner.user.id,
        workspace_id=owner.workspace.id,
        name="hello",
        scopes=["emails:read", "emails:write"],
        inbox_ids=[hello.id],
    )
    client = Client(headers={"X-API-Key": key})
    assert call(client, "post", ASK, {"email_id": email_id}).status_code == 404
    answer = call(client, "post", ASK, {"email_id": mine})
    assert answer.status_code == 201, answer.content
    assert TokenUsage.objects.get().inbox_id == hello.id


def test_an_outsider_cannot_ask(
    owner: Person, outsider: Person, support: Inbox, scripted: ScriptedModel
) -> None:
    give_tokens(outsider.user.id, 1_000)
    email_id = receive(support).email_id
    assert call(outsider.program(), "post", ASK, {"email_id": email_id}).status_code == 404
    assert balance(outsider) == (1_000, 0)


def test_an_estimate_is_never_less_than_a_token_for_two_letters_or_half_another_script() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("abc") == 2
    assert estimate_tokens("नमस्ते") == 12
    request = DraftRequest(
        question="a" * 1_000,
        subject="b" * 100,
        sender_name="Ananya",
        inbox_name="Support",
        signature="",
        passages=[],
    )
    assert estimate_request(request) == (1_113 + 1) // 2
