"""What every domain stands on: settings reading, tenancy, jobs, events, secrets, storage, the embedded database.

It holds no word of any domain (no mail, task or stream) and imports from none of them.
"""
