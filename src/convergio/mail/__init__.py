"""CommBoost: inboxes, messages, threads, replies and sending.

A message comes in whole or not at all, with its thread, its task and its follow-up jobs; what goes out goes out once.
It uses ai/ to draft and work/ to make tasks, and knows nothing of calendars, streams and audits.
"""
