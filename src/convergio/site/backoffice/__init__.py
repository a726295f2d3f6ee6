"""The operator's back office at /admin: Django's admin over the tables that belong to no workspace.

Users, workspaces, plans, token packages, payments, the ledger, jobs, and the log of what was changed here. What
workspaces own (mail, tasks, knowledge) is not here: row-level security would show nothing of it. Who comes in is
decided by door.py alone.
"""
