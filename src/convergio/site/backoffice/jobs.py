"""The queue: what waits, what failed, and running it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateEvent
from procrastinate.manager import JobManager

from convergio.core.clock import now
from convergio.site.backoffice.base import Part, Rows

_manager = JobManager(DjangoConnector())


class EventRows(Rows):
    """What happened to a job."""

    model = ProcrastinateEvent
    fields = ("type", "at")
    readonly_fields = fields


class JobAdmin(Part):
    """Jobs. Their arguments are ids; a failure's reason stands in the worker's log under the job's id."""

    list_display = ("id", "task_name", "args", "status", "attempts", "scheduled_at", "queue_name")
    list_filter = ("status", "task_name")
    ordering = ("-id",)
    fields = ("task_name", "args", "status", "attempts", "scheduled_at", "queue_name", "priority", "lock")
    inlines = (EventRows,)
    actions = ("run_again",)

    @admin.action(description="Run failed jobs again")
    def run_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        failed = list(queryset.filter(status="failed"))
        for job in failed:
            _manager.retry_job_by_id(job.id, now(), job.priority, job.queue_name, job.lock)
            self.log_change(request, job, "Run again")
        messages.info(request, f"{len(failed)} jobs will run again.")
