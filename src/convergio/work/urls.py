"""Pages under /dashboard/workboost."""

from __future__ import annotations

from django.urls import path

from convergio.work import views

app_name = "work"
_BOARD = "dashboard/workboost"

urlpatterns = [
    path(_BOARD, views.board, name="board"),
    path(f"{_BOARD}/new", views.new, name="new"),
    path(f"{_BOARD}/tasks/<int:task_id>", views.task, name="task"),
    path(f"{_BOARD}/tasks/<int:task_id>/move", views.move, name="move"),
    path(f"{_BOARD}/tasks/<int:task_id>/delete", views.delete, name="delete"),
]
