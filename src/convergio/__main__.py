"""`python -m convergio` is the `convergio` command."""

import sys

from convergio.cli import main

sys.exit(main())
