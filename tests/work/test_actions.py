"""Writing tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import Email
from convergio.work import actions, queries
from convergio.work.actions import EmailTask
from convergio.work.errors import (
    NeighbourMoved,
    NotAMember,
    TagTooLong,
    TitleMissing,
    TitleTooLong,
    UnknownChoice,
)
from convergio.work.filters import TaskFilter
from tests.work.conftest import Cast

EmailMaker = Callable[..., Email]


def column(actor: Actor, status: str = "todo") -> list[str]:
    board = {column.status: column for column in queries.get_board(actor, TaskFilter())}
    return [task.title for task in board[status].tasks]


def make(actor: Actor, *titles: str, status: str = "todo") -> list[int]:
    """Cards from top to bottom."""
    made = [actions.create_task(actor, {"title": title, "status": status}) for title in reversed(titles)]
    return made[::-1]


def email_task(email: Email, **changes: object) -> EmailTask:
    fields: dict[str, object] = {
        "email_id": email.pk,
        "title": email.subject,
        "priority": "medium",
        "status": "todo",
        "tag": email.tag,
        **changes,
    }
    return EmailTask(**fields)  # type: ignore[arg-type]


def test_a_batch_of_mails_becomes_tasks_with_the_last_one_on_top(cast: Cast, make_email: EmailMaker) -> None:
    first, second = make_email(cast.owner, "First"), make_email(cast.owner, "Second")
    workspace_id = cast.owner.workspace_id
    with workspace_scope(workspace_id):
        make(cast.owner, "By hand")
        made = actions.create_email_tasks(workspace_id, [email_task(first), email_task(second)])
        assert column(cast.owner) == ["Second", "First", "By hand"]
        task = queries.get_task(cast.owner, made[0])
    assert (task.email_id, task.source, task.tag, task.created_by) == (first.pk, "commboost", "Support", None)
    assert (task.email_subject, task.thread_id) == ("First", first.thread_id)


def test_a_mail_gets_one_task_however_often_the_batch_is_repeated(cast: Cast, make_email: EmailMaker) -> None:
    email, later = make_email(cast.owner), make_email(cast.owner)
    with workspace_scope(cast.owner.workspace_id):
        assert len(actions.create_email_tasks(cast.owner.workspace_id, [email_task(email)])) == 1
        again = actions.create_email_tasks(cast.owner.workspace_id, [email_task(email), email_task(later)])
        assert [queries.get_task(cast.owner, task_id).email_id for task_id in again] == [later.pk]
        assert len(column(cast.owner)) == 2


def test_an_old_mail_becomes_a_finished_task_with_its_own_moment(cast: Cast, make_email: EmailMaker) -> None:
    moment = datetime(2025, 1, 2, 3, 4, tzinfo=UTC)
    rows = [
        email_task(make_email(cast.owner), status="done", completed_at=moment),
        email_task(make_email(cast.owner), status="done"),
        email_task(make_email(cast.owner), completed_at=moment),
    ]
    with workspace_scope(cast.owner.workspace_id):
        made = [
            queries.get_task(cast.owner, task_id)
            for task_id in actions.create_email_tasks(cast.owner.workspace_id, rows)
        ]
    assert [task.completed_at for task in made][::2] == [moment, None]
    assert made[1].completed_at is not None


@pytest.mark.parametrize(
    ("subject", "title"),
    [("", "(no subject)"), ("a\0b", "ab"), ("x" * 600, "x" * 500), ("two\r\n lines", "two lines")],
)
def test_no_subject_is_too_strange_for_a_title(
    cast: Cast, make_email: EmailMaker, subject: str, title: str
) -> None:
    row = email_task(make_email(cast.owner), title=subject)
    with workspace_scope(cast.owner.workspace_id):
        actions.create_email_tasks(cast.owner.workspace_id, [row])
        assert column(cast.owner) == [title]


def test_a_task_by_hand_names_its_maker_and_mail(cast: Cast, make_email: EmailMaker) -> None:
    email = make_email(cast.owner, tag="Partners")
    with workspace_scope(cast.owner.workspace_id):
        task_id = actions.create_task(cast.owner, {"title": "  Call \n back "}, email_id=email.pk)
        task = queries.get_task(cast.owner, task_id)
    assert (task.title, task.source, task.created_by) == ("Call back", "manual", cast.owner.user_id)
    assert (task.email_id, task.tag, task.status, task.priority) == (email.pk, "Partners", "todo", "medium")


def test_a_mail_of_another_workspace_cannot_be_named(cast: Cast, make_email: EmailMaker) -> None:
    email = make_email(cast.outsider)
    with workspace_scope(cast.owner.workspace_id), pytest.raises(NotFound):
        actions.create_task(cast.owner, {"title": "Peek"}, email_id=email.pk)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"title": " \n"}, TitleMissing),
        ({"title": "x" * 501}, TitleTooLong),
        ({"title": "x", "tag": "y" * 51}, TagTooLong),
        ({"title": "x", "status": "later"}, UnknownChoice),
        ({"title": "x", "priority": "huge"}, UnknownChoice),
    ],
)
def test_it_refuses_what_does_not_fit(
    cast: Cast, fields: actions.TaskFields, refusal: type[Exception]
) -> None:
    with workspace_scope(cast.owner.workspace_id):
        task_id = actions.create_task(cast.owner, {"title": "Fine"})
        with pytest.raises(refusal):
            actions.create_task(cast.owner, fields)
        with pytest.raises(refusal):
            actions.update_task(cast.owner, task_id, fields)
        assert column(cast.owner) == ["Fine"]


def test_work_goes_to_members_only(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        task_id = actions.create_task(cast.owner, {"title": "Pack"})
        actions.assign_task(cast.owner, task_id, assignee_id=cast.teammate.user_id)
        assert queries.get_task(cast.owner, task_id).assignee_id == cast.teammate.user_id
        with pytest.raises(NotAMember):
            actions.assign_task(cast.owner, task_id, assignee_id=cast.outsider.user_id)
        actions.assign_task(cast.owner, task_id, assignee_id=None)
        assert queries.get_task(cast.owner, task_id).assignee_id is None


def test_absent_fields_keep_their_value(cast: Cast) -> None:
    due = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with workspace_scope(cast.owner.workspace_id):
        task_id = actions.create_task(
            cast.owner, {"title": "Pack", "description": "Two boxes", "due_at": due.replace(tzinfo=None)}
        )
        actions.update_task(cast.owner, task_id, {"priority": "urgent"})
        task = queries.get_task(cast.owner, task_id)
    assert (task.title, task.description, task.priority, task.due_at) == ("Pack", "Two boxes", "urgent", due)
    assert task.updated_at > task.created_at or task.updated_at == task.created_at


def test_completed_at_follows_the_status(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        (task_id,) = make(cast.owner, "Pack")
        actions.update_task(cast.owner, task_id, {"status": "done"})
        finished = queries.get_task(cast.owner, task_id).completed_at
        assert finished is not None
        actions.update_task(cast.owner, task_id, {"status": "done", "title": "Packed"})
        assert queries.get_task(cast.owner, task_id).completed_at == finished
        actions.move_task(cast.owner, task_id, status="in_progress")
        assert queries.get_task(cast.owner, task_id).completed_at is None
        actions.move_task(cast.owner, task_id, status="done")
        assert queries.get_task(cast.owner, task_id).completed_at is not None


def test_a_card_moves_above_below_and_to_the_top(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        a, b, c, d = make(cast.owner, "A", "B", "C", "D")
        actions.move_task(cast.owner, d, status="todo", before=b)
        assert column(cast.owner) == ["A", "D", "B", "C"]
        actions.move_task(cast.owner, a, status="todo", after=c)
        assert column(cast.owner) == ["D", "B", "C", "A"]
        actions.move_task(cast.owner, c, status="todo", after=d)
        assert column(cast.owner) == ["D", "C", "B", "A"]
        actions.move_task(cast.owner, b, status="todo")
        assert column(cast.owner) == ["B", "D", "C", "A"]
        actions.move_task(cast.owner, b, status="todo", before=b)
        assert column(cast.owner) == ["B", "D", "C", "A"]


def test_a_card_moves_into_another_column_at_its_place(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        (a,) = make(cast.owner, "A")
        x, _ = make(cast.owner, "X", "Y", status="in_progress")
        actions.move_task(cast.owner, a, status="in_progress", after=x)
        assert column(cast.owner, "in_progress") == ["X", "A", "Y"]
        assert column(cast.owner) == []


def test_the_order_survives_more_moves_than_a_float_has_room_for(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        a, b, c = make(cast.owner, "A", "B", "C")
        for _ in range(70):
            actions.move_task(cast.owner, c, status="todo", after=a)
            b, c = c, b
        titles = column(cast.owner)
        assert titles[0] == "A"
        assert titles[1] == queries.get_task(cast.owner, b).title
        positions = sql.fetch_rows("SELECT position FROM tasks ORDER BY position")
        assert len(set(positions)) == 3


def test_cards_at_the_same_position_can_be_parted(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        a, b, c = make(cast.owner, "A", "B", "C")
        sql.execute("UPDATE tasks SET position = 0")
        actions.move_task(cast.owner, c, status="todo", before=a)
        order = column(cast.owner)
        actions.move_task(cast.owner, b, status="todo", after=a)
        assert column(cast.owner).index("B") == column(cast.owner).index("A") + 1
        assert order.index("C") < order.index("A")


def test_a_neighbour_that_left_the_column_is_said(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        a, b = make(cast.owner, "A", "B")
        actions.move_task(cast.owner, b, status="done")
        with pytest.raises(NeighbourMoved):
            actions.move_task(cast.owner, a, status="todo", after=b)
        with pytest.raises(NotFound):
            actions.move_task(cast.owner, a, status="todo", after=10**12)


def test_an_outsider_reaches_no_task(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        (task_id,) = make(cast.owner, "Ours")
    with workspace_scope(cast.outsider.workspace_id):
        (theirs,) = make(cast.outsider, "Theirs")
        for attempt in (
            lambda: queries.get_task(cast.outsider, task_id),
            lambda: actions.update_task(cast.outsider, task_id, {"title": "Mine"}),
            lambda: actions.update_task(cast.outsider, task_id, {"status": "done"}),
            lambda: actions.move_task(cast.outsider, task_id, status="done"),
            lambda: actions.move_task(cast.outsider, theirs, status="todo", after=task_id),
            lambda: actions.delete_task(cast.outsider, task_id),
        ):
            with pytest.raises(NotFound):
                attempt()
    with workspace_scope(cast.owner.workspace_id):
        assert column(cast.owner) == ["Ours"]


def test_a_deleted_task_is_gone_and_its_mail_stays(cast: Cast, make_email: EmailMaker) -> None:
    email = make_email(cast.owner)
    with workspace_scope(cast.owner.workspace_id):
        (task_id,) = actions.create_email_tasks(cast.owner.workspace_id, [email_task(email)])
        actions.delete_task(cast.owner, task_id)
        with pytest.raises(NotFound):
            queries.get_task(cast.owner, task_id)
        assert Email.objects.filter(pk=email.pk).exists()
