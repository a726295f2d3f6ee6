"""`convergio demo`: everything in one folder, with a believable week of mail, and ready to sign in to."""

import argparse
import json
import os
import shutil
import webbrowser
from pathlib import Path

from convergio.commands import stack, web
from convergio.commands.workplace import default_data_dir, open_workplace
from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.faults import PlatformFault, storage_fault
from convergio.core.ports import require_free_port

NOTE = "demo.json"
_NOTED = ("url", "email", "password", "api_key", "data_dir")
# What `--fresh` deletes besides the database; anything else in the folder is not ours.
_OURS = ("mail", "outbox", "storage", "fake-gateway", "secret.key", NOTE)

# A purchase can be tried to its end: paid by a gateway that moves no money, invoiced by a company that does not exist.
_SHOP = {
    "CONVERGIO_FAKE_GATEWAY": "1",
    "CONVERGIO_SELLER_NAME": "Example Software Private Limited",
    "CONVERGIO_SELLER_ADDRESS": "1 Example Street; Pune 411001",
    "CONVERGIO_SELLER_STATE": "27",
    "CONVERGIO_SELLER_GSTIN": "27AAACE0000E1ZM",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="keep everything below this folder (default: ~/.local/share/convergio-demo)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="delete what an earlier demo left there and begin anew"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    web.add_address(parser)
    stack.add_reload(parser)


def run(options: argparse.Namespace) -> int:
    options.data_dir = Path(os.path.abspath(options.data_dir or f"{default_data_dir()}-demo"))
    require_free_port(options.host, options.port)
    if options.fresh:
        stack.say(f"Deleting the demo in {options.data_dir}")
        _remove(options.data_dir)
    url = web.public_url(options)
    stack.say("Starting PostgreSQL")
    with open_workplace(options, always_embedded=True) as workplace:
        os.environ.setdefault("CONVERGIO_LOG_FORMAT", "text")
        # Whoever tries everything out by a script should not be held up.
        os.environ.setdefault("CONVERGIO_RATE_LIMIT", "0")
        os.environ["CONVERGIO_PUBLIC_URL"] = url
        for name, value in _SHOP.items():
            os.environ.setdefault(name, value)
        stack.say("Bringing its tables up to date")
        stack.run_step("migrate")
        note = _read_note(workplace.data_dir / NOTE)
        if note is None:
            stack.say("Filling it with a week of mail")
            note = json.loads(stack.ask_step("seed-demo"))
        note |= {"url": url, "data_dir": str(workplace.data_dir)}
        stack.say("Starting web, worker and mailwatch")
        return stack.run_stack(workplace, options, on_ready=lambda: _welcome(note, options))


def _remove(data_dir: Path) -> None:
    EmbeddedPostgres(data_dir).remove()
    for name in _OURS:
        path = data_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _read_note(path: Path) -> dict[str, str] | None:
    """What an earlier start noted; None when it did not come that far."""
    try:
        note: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PlatformFault(f"{path} is damaged: delete it, and the next start makes a new login.") from error
    return note


def _write_note(note: dict[str, str]) -> None:
    """Write demo.json whole or not at all; it names whom to sign in as, so only its owner may read it."""
    path = Path(note["data_dir"]) / NOTE
    draft = path.with_name(f".{path.name}")
    try:
        draft.unlink(missing_ok=True)
        with open(
            draft, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as file:
            json.dump({name: note[name] for name in _NOTED}, file, indent=2)
            file.write("\n")
        draft.rename(path)
    except OSError as error:
        raise storage_fault(error, path.parent) from error


def _welcome(note: dict[str, str], options: argparse.Namespace) -> None:
    """The website answers: leave the note for programs, then tell the person."""
    _write_note(note)
    stack.say(
        f"\nConvergio is at {note['url']}\n  sign in as  {note['email']}\n  password    {note['password']}\n"
    )
    # A browser started by root, or without a display, only prints its complaints here.
    if not options.no_browser and os.geteuid() != 0 and os.environ.get("DISPLAY"):
        webbrowser.open(note["url"])
