"""Whether an address opens a PostgreSQL that can be used, said in one sentence when it does not."""

import psycopg

from convergio.core.faults import ConfigurationFault
from convergio.core.pg_binaries import OLDEST_MAJOR


def require_usable_database(url: str, *, variable: str = "DATABASE_URL") -> None:
    """Connect once; raises ConfigurationFault naming `variable` and never showing its password."""
    try:
        info = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationFault(
            f"{variable} is not an address of PostgreSQL: it looks like postgresql://user:password@host:5432/database."
        ) from error
    place = f"{info.get('host', 'this machine')}, database {info.get('dbname', info.get('user', ''))}"
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            major = connection.info.server_version // 10000
    except psycopg.OperationalError as error:
        raise ConfigurationFault(
            f"{variable} ({place}) does not open: {_reason(error)}. Correct the address, or start that server."
        ) from error
    if major < OLDEST_MAJOR:
        raise ConfigurationFault(
            f"PostgreSQL {major} at {variable} ({place}) is too old: "
            f"Convergio needs {OLDEST_MAJOR} or newer, so upgrade that server."
        )


def _reason(error: psycopg.OperationalError) -> str:
    """What the server said, else what the system said, out of libpq's several lines."""
    text = str(error)
    for marker in ("FATAL:", "failed:", "error:"):
        if marker in text:
            return text.rpartition(marker)[2].strip().splitlines()[0].rstrip(".?")
    return (text.strip().splitlines() or ["no answer"])[-1].rstrip(".?")
