"""What every domain stands on: the embedded database, processes, faults of the machine.

No domain words here, and no import from any other part of Convergio.
"""
