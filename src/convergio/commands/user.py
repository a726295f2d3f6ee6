"""`convergio user create`: an account with a workspace of its own, whatever CONVERGIO_SIGNUP says.
`convergio user staff`: who may open the operator's back office."""

import argparse
import getpass
import secrets
import sys

from convergio.commands.application import open_application
from convergio.commands.workplace import add_data_dir


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    summary = "Make an account with a workspace of its own."
    create = actions.add_parser("create", help=summary, description=summary)
    add_data_dir(create)
    create.add_argument("email", metavar="EMAIL", help="the address to sign in with")
    create.add_argument("--name", default="", help="how the person is called")
    create.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input; without it a terminal is asked, else one is made and printed",
    )
    create.add_argument("--staff", action="store_true", help="let the person into the back office at /admin")
    create.set_defaults(run=create_account)
    summary = "Let somebody into the back office at /admin, or out of it."
    staff = actions.add_parser("staff", help=summary, description=summary)
    add_data_dir(staff)
    staff.add_argument("email", metavar="EMAIL", help="the address that the person signs in with")
    staff.add_argument("--remove", action="store_true", help="they are no longer staff")
    staff.set_defaults(run=change_staff)


def create_account(options: argparse.Namespace) -> int:
    password, is_made_up = _password(options)
    with open_application(options):
        from convergio.accounts.entrance import create_user  # noqa: PLC0415 - models need Django's settings

        user, workspace = create_user(email=options.email, password=password, name=options.name)
        print(f"{user.email} may sign in now, as the owner of {workspace.name}.")
        if options.staff:
            _make_staff(user.email, staff=True)
    if is_made_up:
        print(f"The password, shown this once: {password}")
    return 0


def change_staff(options: argparse.Namespace) -> int:
    with open_application(options):
        _make_staff(options.email, staff=not options.remove)
    return 0


def _make_staff(email: str, *, staff: bool) -> None:
    from convergio.accounts.operator import make_staff  # noqa: PLC0415 - models need Django's settings

    user = make_staff(email, staff=staff)
    if staff:
        print(f"{user.email} may open the back office at /admin, once signed in with a second factor.")
    else:
        print(f"{user.email} may no longer open the back office.")


def _password(options: argparse.Namespace) -> tuple[str, bool]:
    """The password, and whether it was made up here."""
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if sys.stdin.isatty():
        return getpass.getpass(f"Password for {options.email}: "), False
    return secrets.token_urlsafe(12), True
