"""What `convergio check` looks at: one module per subject, each a function from the workplace to findings.

They read as the owner, across all workspaces, and change nothing.
"""

from convergio.commands.doctor.finding import Finding, Level

__all__ = ["Finding", "Level"]
