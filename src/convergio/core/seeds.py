"""What a new workspace begins with. Each domain registers its part; `create_workspace` runs them in its transaction."""

from __future__ import annotations

from collections.abc import Callable

Seed = Callable[[int], None]
_seeds: list[Seed] = []


def workspace_seed(seed: Seed) -> Seed:
    """Register `seed(workspace_id)`; it runs inside the new workspace's scope."""
    _seeds.append(seed)
    return seed


def run_workspace_seeds(workspace_id: int) -> None:
    """Run every registered seed."""
    for seed in _seeds:
        seed(workspace_id)
