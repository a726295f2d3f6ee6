"""Taking messages up: parse, recognise, thread, store, make the task, tell the others. Whole batches, all or nothing.

`store_messages` is the only way a received message enters the database, for a first sync of thousands and for one new mail.
"""

from convergio.mail.ingest.arrivals import Arrival, Receiver, Stored
from convergio.mail.ingest.receivers import load_receiver
from convergio.mail.ingest.store import store_messages

__all__ = ["Arrival", "Receiver", "Stored", "load_receiver", "store_messages"]
