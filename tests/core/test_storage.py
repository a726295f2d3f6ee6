"""Stored contents: written once, and swept only when nobody names or uses them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from convergio.core.models import StoredFile
from convergio.core.storage import FolderStorage
from convergio.core.storage_sweep import MIN_AGE, sweep
from convergio.core.tenancy import workspace_scope
from tests.cast import Person

pytestmark = pytest.mark.django_db
DAY = MIN_AGE.total_seconds()


@pytest.fixture
def store(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "contents")


def kept(store: FolderStorage, content: bytes, *, age: float = 2 * DAY) -> str:
    """Put a content as it lay there some seconds ago."""
    sha256 = store.put(content)
    moment = time.time() - age
    os.utime(store._path(sha256), (moment, moment))
    return sha256


def test_the_sweep_takes_old_contents_that_no_workspace_names(
    store: FolderStorage, owner: Person, outsider: Person
) -> None:
    named = [kept(store, b"ours"), kept(store, b"theirs")]
    for person, sha256 in zip((owner, outsider), named, strict=True):
        with workspace_scope(person.workspace.id):
            StoredFile.objects.create(workspace=person.workspace, sha256=sha256, size=1)
    young, orphan = kept(store, b"being taken up", age=60), kept(store, b"left behind")
    assert sweep(store, [owner.workspace.id, outsider.workspace.id]) == 1
    assert [store.read(sha256) for sha256 in (*named, young)] == [b"ours", b"theirs", b"being taken up"]
    with pytest.raises(FileNotFoundError):
        store.read(orphan)


def test_a_content_put_again_is_young_again(store: FolderStorage, owner: Person) -> None:
    sha256 = kept(store, b"wanted once more")
    assert store.put(b"wanted once more") == sha256
    assert sweep(store, [owner.workspace.id]) == 0


def test_a_content_put_while_the_sweep_runs_stays(store: FolderStorage) -> None:
    sha256 = kept(store, b"wanted just now")
    assert list(store.unused_since(MIN_AGE)) == [sha256]
    store.put(b"wanted just now")
    assert store.remove_unused(sha256, MIN_AGE) is False
    assert store.read(sha256) == b"wanted just now"
    assert store.remove_unused("0" * 64, MIN_AGE) is False
