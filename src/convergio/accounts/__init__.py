"""Users, sessions, API keys, login history, workspaces and their members.

It decides who an actor is and which workspace's rows are in view. It knows nothing of mail, tasks or streams.
"""
