"""Proofs take minutes: they run when asked for (`pytest -m proof tests/proofs -s`) and print what they saw.

Those marked `proof(quick=True)` run with all other tests too.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.mail.servers import mail_servers, smtp_server

__all__ = ["mail_servers", "smtp_server"]


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    if "proof" in config.getoption("-m", ""):
        return
    skip = pytest.mark.skip(reason="a proof; run it with -m proof")
    for item in items:
        mark = item.get_closest_marker("proof")
        if mark is not None and not mark.kwargs.get("quick"):
            item.add_marker(skip)
