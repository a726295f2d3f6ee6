"""Taking messages up: parse, recognise, thread, store, make the task, tell the others. Whole batches, all or nothing.

`store_messages` is the only way a received message enters the database, for a first sync of thousands and for one new
mail; `store_batch` is the same for callers whose other messages must not wait for one that is refused.
"""

from convergio.mail.ingest.arrivals import Arrival, Receiver, Stored
from convergio.mail.ingest.batches import store_batch
from convergio.mail.ingest.receivers import load_receiver
from convergio.mail.ingest.recognise import already_delivered
from convergio.mail.ingest.store import store_messages

__all__ = [
    "Arrival",
    "Receiver",
    "Stored",
    "already_delivered",
    "load_receiver",
    "store_batch",
    "store_messages",
]
