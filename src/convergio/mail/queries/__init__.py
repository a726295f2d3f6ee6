"""Reads of mail, one SQL statement each, into typed rows.

`lists` for the REST list, `conversations` for the pane of conversations, `threads` for what one opens, `search` for the
search box, `inboxes` and `counts` for what stands beside them.
"""
