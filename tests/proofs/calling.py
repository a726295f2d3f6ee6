"""Calls of a model from many processes: `python -m tests.proofs.calling WORKSPACE... [--kill-every SECONDS]`.

For each workspace in turn 200 calls are made by 8 processes with some threads each. Told to, it kills one of them with
-9 every so often and puts another in its place, which makes the calls that had not begun. Prints one line of JSON for
each workspace: how many calls were answered, refused, and cut off, and how many processes were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import django

CALLS, PROCESSES = 200, 8
MOST = 100  # tokens of one call, and what it takes
# How long the model thinks, in seconds.
THINKS = (0.02, 0.4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workspaces", type=int, nargs="+")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=0.0)
    options = parser.parse_args()
    django.setup()
    for workspace_id in options.workspaces:
        print(json.dumps(Round(workspace_id, options).run()), flush=True)


class Round:
    """All calls for one workspace. Children write `<number> <what>` into a pipe, in pieces that are never split."""

    def __init__(self, workspace_id: int, options: argparse.Namespace) -> None:
        self.workspace_id = workspace_id
        self.threads: int = options.threads
        self.kill_every: float = options.kill_every
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.said: dict[int, str] = {}
        self.kills = 0
        self.children: dict[int, int] = {}  # process to slot

    def run(self) -> dict[str, int]:
        """The processes begin together."""
        start = time.monotonic() + 0.5
        for slot in range(PROCESSES):
            self._start(slot, start)
        next_kill = start + self.kill_every
        while self.children:
            time.sleep(0.01)
            if self.kill_every and time.monotonic() >= next_kill:
                self._kill()
                next_kill += self.kill_every
            self._reap()
        self._listen()
        count = Counter(self.said.values())
        return {
            "answered": count["answered"],
            "refused": count["refused"],
            "cut off": count["begun"],
            "kills": self.kills,
        }

    def _start(self, slot: int, at: float) -> None:
        left = [number for number in range(slot, CALLS, PROCESSES) if number not in self.said]
        process = os.fork()
        if process:
            self.children[process] = slot
            return
        failed = 1
        try:
            time.sleep(max(0.0, at - time.monotonic()))
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(self._call, left))
            failed = 0
        finally:
            if failed:
                traceback.print_exc()
            os._exit(failed)

    def _call(self, number: int) -> None:
        self._say(number, "begun")
        try:
            call_model(self.workspace_id, number)
            self._say(number, "answered")
        except OutOfTokens:
            self._say(number, "refused")

    def _say(self, number: int, what: str) -> None:
        os.write(self.writing, f"{number} {what}\n".encode())

    def _kill(self) -> None:
        if self.children:
            os.kill(random.choice(list(self.children)), signal.SIGKILL)
            self.kills += 1

    def _reap(self) -> None:
        """Another process for each that was killed; one that failed by itself fails the round."""
        self._listen()
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        slot = self.children.pop(process)
        if os.WIFSIGNALED(status):
            self._listen()
            self._start(slot, time.monotonic())
        elif os.WEXITSTATUS(status):
            raise SystemExit(f"A process ended with {os.WEXITSTATUS(status)}.")

    def _listen(self) -> None:
        try:
            while text := os.read(self.reading, 65_536):
                for line in text.decode().splitlines():
                    number, _, what = line.partition(" ")
                    self.said[int(number)] = what
        except BlockingIOError:
            return


def call_model(workspace_id: int, number: int) -> None:
    """One metered call; a child makes it when Django is set up."""
    model = ScriptedModel(most=MOST, takes=(MOST - 30, 30), meanwhile=_think)
    request = DraftRequest(question="?", subject="", sender_name="", inbox_name="", signature="", passages=[])
    metering.draft_reply(model, request, Purpose(workspace_id, "draft", f"emails:{number}"))


def _think(_: object) -> None:
    threading.Event().wait(random.uniform(*THINKS))


# The application's modules read the settings, which the environment of this program names.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convergio.settings")
django.setup()
from convergio.ai import metering  # noqa: E402
from convergio.ai.interface import DraftRequest  # noqa: E402
from convergio.billing.errors import OutOfTokens  # noqa: E402
from convergio.billing.reservations import Purpose  # noqa: E402
from tests.ai.scripted import ScriptedModel  # noqa: E402

if __name__ == "__main__":
    main()
