"""Numbers of mail and tasks, of one's own workspace."""

from __future__ import annotations

from tests.cast import Person
from tests.mail.api import inbox_of, receive


def test_stats_count_mail_by_tag_and_tasks_by_status_of_the_own_workspace(
    owner: Person, outsider: Person
) -> None:
    receive(inbox_of(owner))
    receive(inbox_of(owner, "hello@convergio.test"), message_id="second@lumen.example")
    assert owner.program().get("/api/stats").json() == {
        "totalEmails": 2,
        "tasksByStatus": {"todo": 2, "in_progress": 0, "done": 0},
        "emailsByTag": {"Hello": 1, "Support": 1},
    }
    assert outsider.program().get("/api/stats").json() == {
        "totalEmails": 0,
        "tasksByStatus": {"todo": 0, "in_progress": 0, "done": 0},
        "emailsByTag": {},
    }
