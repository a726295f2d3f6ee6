"""The mailbox kind `imap`: reading by IMAP4rev1 (RFC 3501), sending by SMTP."""

from __future__ import annotations

import imaplib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from threading import Event
from typing import Any

from convergio.core import clock
from convergio.core.errors import ProviderError
from convergio.mail.mailboxes.folders import ListedFolder, assign_roles
from convergio.mail.mailboxes.imap_client import ImapClient, connect, drop, flag_names, translated
from convergio.mail.mailboxes.protocol import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    SEEN,
    ConnectionReport,
    FetchedMessage,
    FlagChanges,
    Folder,
    FolderRole,
    FolderStatus,
    MailboxReport,
    MailboxSettings,
    SendResult,
)
from convergio.mail.mailboxes.smtp import SmtpSender

POLL_SECONDS = 60.0
# imaplib refuses answer lines over 1 MB: 50,000 UIDs of ten digits and a space stay under it.
UID_WINDOW = 50_000
COMMAND_UIDS = 500
_CONTENT = ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"]
# They file what leaves through their own SMTP server (Gmail is known by its capability).
_FILES_SENT_MAIL = (
    ".office365.com",
    ".outlook.com",
    ".mail.me.com",
    ".icloud.com",
    ".gmail.com",
    ".googlemail.com",
)


class ImapMailbox:
    """One account: one IMAP connection that reopens itself, and an SMTP connection for each message."""

    sent_is_complete = False

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._smtp = SmtpSender(settings)
        self._client: ImapClient | None = None
        self._selected: tuple[str, bool] | None = None
        self._statuses: dict[str, FolderStatus] = {}

    def check(self) -> MailboxReport:
        try:
            self.close()
            self.folders()
            incoming = ConnectionReport(True)
        except ProviderError as error:
            incoming = ConnectionReport(False, error.message, error.kind)
        finally:
            self.close()
        return MailboxReport(incoming, self._smtp.check())

    def folders(self) -> list[Folder]:
        with self._connected() as client:
            listed = client.list_folders()
        return assign_roles(
            ListedFolder(tuple(flags), name, (delimiter or b"").decode()) for flags, delimiter, name in listed
        )

    def status(self, folder: str) -> FolderStatus:
        with self._connected() as client:
            return self._examine(client, folder)

    def fetch_since(
        self, folder: str, after_uid: int, *, messages: int = BATCH_MESSAGES, size: int = BATCH_BYTES
    ) -> Iterator[list[FetchedMessage]]:
        for window in self._uid_windows(folder, after_uid + 1):
            for uids in _chunks(window, COMMAND_UIDS):
                for group in _groups(self._sizes(folder, uids), messages, size):
                    if batch := self._fetch(folder, group):
                        yield batch

    def confirm(self, folder: str, uids: Sequence[int]) -> None:
        """Nothing to do: the original on the server is never deleted, moved or flagged."""

    def fetch_uids(self, folder: str) -> Iterator[Sequence[int]]:
        yield from self._uid_windows(folder, 1)

    def changed_flags(self, folder: str, since_modseq: int) -> Iterator[FlagChanges]:
        modifiers = f"CHANGEDSINCE {since_modseq}"
        with self._connected() as client:
            if client.has_capability("QRESYNC"):
                modifiers += " VANISHED"
        for first, last in self._ranges(folder, 1):
            with self._opened(folder) as client:
                changes = client.flags_in(first, last, modifiers)
            if changes.flags or changes.vanished:
                yield changes

    def flags_between(self, folder: str, first_uid: int, last_uid: int) -> Mapping[int, frozenset[str]]:
        with self._opened(folder) as client:
            return client.flags_in(first_uid, last_uid).flags

    def set_seen(self, folder: str, uids: Iterable[int], seen: bool) -> None:
        for chunk in _chunks(list(uids), COMMAND_UIDS):
            with self._connected() as client:
                if not self._select_writable(client, folder):
                    return
                if seen:
                    client.add_flags(chunk, [SEEN], silent=True)
                else:
                    client.remove_flags(chunk, [SEEN], silent=True)

    def wait(self, folder: str, timeout: float, stop: Event) -> bool:
        deadline = time.monotonic() + timeout
        known = self._statuses.get(folder)
        # What arrived since the last look was announced during some other command: IDLE would not repeat it.
        if self.status(folder) != known:
            return True
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            with self._connected() as client:
                if not client.has_capability("IDLE"):
                    stop.wait(min(left, POLL_SECONDS))
                    return not stop.is_set()
                if client.idle_until_news(min(left, self._settings.idle_seconds), stop):
                    return True
        return False

    def find_by_message_id(self, folder: str, message_id: str) -> list[int]:
        charset = None if message_id.isascii() else "UTF-8"
        with self._opened(folder) as client:
            found = client.search(["HEADER", "Message-ID", message_id], charset)
            # SEARCH matches substrings; only the header itself says whether it is this message.
            headers = client.fetch(found, ["BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"])
        wanted = f"<{message_id}>".encode()
        return sorted(uid for uid, answer in headers.items() if wanted in b"".join(_header(answer).split()))

    def append_sent(self, raw: bytes, message_id: str) -> bool:
        with self._connected() as client:
            if client.has_capability("X-GM-EXT-1") or self._settings.smtp_host.endswith(_FILES_SENT_MAIL):
                return False
        folder = self._sent_folder()
        if self.find_by_message_id(folder, message_id):
            return False
        with self._connected() as client:
            client.append(folder, raw, flags=(SEEN,), msg_time=clock.now())
        return True

    def send(
        self, envelope_from: str, recipients: Sequence[str], raw: bytes, before_commit: Callable[[], None]
    ) -> SendResult:
        return self._smtp.send(envelope_from, recipients, raw, before_commit)

    def close(self) -> None:
        client, self._client, self._selected = self._client, None, None
        if client is None:
            return
        try:
            client.logout()
        except (OSError, imaplib.IMAP4.error):
            drop(client)

    @contextmanager
    def _connected(self) -> Iterator[ImapClient]:
        """A signed-in client; any failure drops the connection, and the next use opens a new one."""
        try:
            if self._client is None:
                self._client = connect(self._settings)
            with translated(self._settings.imap_host):
                yield self._client
        except BaseException:
            if self._client is not None:
                drop(self._client)
            self._client, self._selected = None, None
            raise

    @contextmanager
    def _opened(self, folder: str) -> Iterator[ImapClient]:
        """The client with `folder` selected; UIDs still mean what they meant at the last `status`."""
        with self._connected() as client:
            if self._selected is None or self._selected[0] != folder:
                known = self._statuses.get(folder)
                status = self._examine(client, folder)
                if known is not None and known.uidvalidity != status.uidvalidity:
                    raise ProviderError(
                        "retry", f"The folder {folder} was rebuilt on the server; it is read again."
                    )
            yield client

    def _examine(self, client: ImapClient, folder: str) -> FolderStatus:
        self._selected = None
        answer = client.select_folder(folder, readonly=True)
        self._selected = (folder, False)
        uidnext = answer.get(b"UIDNEXT") or client.folder_status(folder, ["UIDNEXT"])[b"UIDNEXT"]
        self._statuses[folder] = FolderStatus(
            uidvalidity=answer.get(b"UIDVALIDITY", 0),
            uidnext=uidnext,
            highestmodseq=answer.get(b"HIGHESTMODSEQ"),
            exists=answer[b"EXISTS"],
        )
        return self._statuses[folder]

    def _select_writable(self, client: ImapClient, folder: str) -> bool:
        if self._selected == (folder, True):
            return True
        self._selected = None
        try:
            answer = client.select_folder(folder)
        except imaplib.IMAP4.readonly:
            return False
        known = self._statuses.get(folder)
        if known is not None and known.uidvalidity != answer.get(b"UIDVALIDITY", 0):
            raise ProviderError("retry", f"The folder {folder} was rebuilt on the server; it is read again.")
        self._selected = (folder, True)
        return True

    def _ranges(self, folder: str, first_uid: int) -> Iterator[tuple[int, int]]:
        """UID ranges from `first_uid` to the last UID that the last status knew of.

        Never `n:*`: that range names the last message even when its UID is below n (rule 3).
        """
        status = self._statuses.get(folder) or self.status(folder)
        end = (status.uidnext or 1) - 1
        for first in range(first_uid, end + 1, UID_WINDOW):
            yield first, min(first + UID_WINDOW - 1, end)

    def _uid_windows(self, folder: str, first_uid: int) -> Iterator[list[int]]:
        for first, last in self._ranges(folder, first_uid):
            with self._opened(folder) as client:
                found = client.search(["UID", f"{first}:{last}"])
            if uids := sorted(uid for uid in found if first <= uid <= last):
                yield uids

    def _sizes(self, folder: str, uids: Sequence[int]) -> dict[int, int]:
        with self._opened(folder) as client:
            answers = client.fetch(uids, ["RFC822.SIZE"])
        return {uid: answers[uid].get(b"RFC822.SIZE", BATCH_BYTES) for uid in uids if uid in answers}

    def _fetch(self, folder: str, uids: Sequence[int]) -> list[FetchedMessage]:
        with self._opened(folder) as client:
            found = client.messages_of(uids)
            left = [uid for uid in uids if uid not in found]
            # What came in an unusual form is asked for again and read by the general parser.
            answers = client.fetch(left, _CONTENT) if left else {}
        for uid in left:
            if b"BODY[]" in answers.get(uid, {}):
                found[uid] = _message(uid, answers[uid])
        return [found[uid] for uid in uids if uid in found]

    def _sent_folder(self) -> str:
        sent = next((folder.name for folder in self.folders() if folder.role is FolderRole.SENT), None)
        if sent is not None:
            return sent
        with self._connected() as client:
            spaces = client.namespace().personal if client.has_capability("NAMESPACE") else None
            name = f"{spaces[0][0] if spaces else ''}Sent"
            client.create_folder(name)
        return name


def _message(uid: int, answer: Mapping[bytes, Any]) -> FetchedMessage:
    raw: bytes = answer[b"BODY[]"] or b""
    # A server may keep no usable arrival time (NIL): then the message arrived when we saw it.
    arrived = answer.get(b"INTERNALDATE") or clock.now()
    return FetchedMessage(
        uid=uid,
        flags=flag_names(answer.get(b"FLAGS", ())),
        internal_date=arrived.astimezone(UTC),
        raw=raw,
        size=len(raw),
    )


def _header(answer: Mapping[bytes, Any]) -> bytes:
    return next((value or b"" for key, value in answer.items() if key.startswith(b"BODY[")), b"")


def _chunks(uids: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), length):
        yield uids[start : start + length]


def _groups(sizes: Mapping[int, int], messages: int, size: int) -> Iterator[list[int]]:
    """UIDs in order, cut where either the number of messages or their bytes would go over."""
    group: list[int] = []
    total = 0
    for uid, octets in sizes.items():
        if group and (len(group) >= messages or total + octets > size):
            yield group
            group, total = [], 0
        group.append(uid)
        total += octets
    if group:
        yield group
