"""WorkBoost: tasks, wherever they come from, and their board.

A task may name the mail it came from; this domain does not know how mail works.
"""
