"""The embedded server's configuration, written anew at every start."""

import os
from pathlib import Path

from convergio.core.pg_home import ClusterHome

ADMIN_ROLE = "convergio"
APP_ROLE = "convergio_app"
DATABASE = "convergio"

# Sized for one small machine: an idle stack has to stay small, and the page cache does the rest.
_COMMON = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "96MB",
    "huge_pages": "off",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "min_wal_size": "64MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
}
# A server whose data may be lost with the power: for tests only.
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def write_configuration(home: ClusterHome, *, major: int, durable: bool, clients: frozenset[str]) -> Path:
    """Write postgresql.conf and its companions into the home and return the first's path.

    `clients` are the system users that may come in, as any of our two roles: the socket is the only way in, and the
    kernel vouches for who is on the other end of it (peer authentication), so there is no password to leak. Tests
    make roles of their own, and trust whom the socket's folder (0700) lets through.
    """
    rules = home.folder / "pg_hba.conf"
    rules.write_text(f"local all all {'peer map=convergio' if durable else 'trust'}\n", encoding="utf-8")
    names = home.folder / "pg_ident.conf"
    names.write_text(
        "".join(
            f'convergio "{name}" {role}\n' for name in sorted(clients) for role in (ADMIN_ROLE, APP_ROLE)
        ),
        encoding="utf-8",
    )
    settings = _COMMON | {
        "unix_socket_directories": os.fspath(home.socket_folder),
        "hba_file": os.fspath(rules),
        "ident_file": os.fspath(names),
    }
    if major >= 18:
        # The default keeps three more processes for reads that our page cache nearly always answers.
        settings["io_method"] = "sync"
    if not durable:
        settings |= _THROWAWAY
    path = home.folder / "postgresql.conf"
    path.write_text(
        "".join(f"{key} = {_quoted(value)}\n" for key, value in settings.items()), encoding="utf-8"
    )
    for file in (rules, names, path):
        file.chmod(0o644)
    return path


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
