"""CommBoost's pages: parse the request, call one action or query, render.

`listing` for the pane of conversations, `conversation` for what one opens, `decisions` for drafts and sent mail,
`composing` for what a person writes, `inboxes` for their settings. Every form works without script.
"""
