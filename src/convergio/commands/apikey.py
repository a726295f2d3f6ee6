"""`convergio apikey create`: a key for programs, in the workspace that its user owns."""

import argparse
import sys

from convergio.commands.application import open_application
from convergio.commands.workplace import add_data_dir
from convergio.core.faults import PlatformFault


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    summary = "Make a key for programs and print it, this once."
    create = actions.add_parser("create", help=summary, description=summary)
    add_data_dir(create)
    create.add_argument(
        "email", metavar="EMAIL", help="whose key it is; it works in the workspace that they own"
    )
    create.add_argument("--name", default="Command line", help="what it is for (default: %(default)s)")
    create.set_defaults(run=create_key)


def create_key(options: argparse.Namespace) -> int:
    with open_application(options):
        from convergio.accounts.api_keys import issue_api_key  # noqa: PLC0415 - models need Django's settings
        from convergio.accounts.models import Workspace  # noqa: PLC0415

        workspace = (
            Workspace.objects.filter(owner__email=options.email.strip().lower()).order_by("id").first()
        )
        if workspace is None:
            raise PlatformFault(
                f"Nobody with the address {options.email} owns a workspace: see convergio user create."
            )
        _, key = issue_api_key(user_id=workspace.owner_id, workspace_id=workspace.id, name=options.name)
    print("The key is shown this once; it reads and writes as its user.", file=sys.stderr)
    print(key)
    return 0
