"""Milestones and channel voices of a new workspace."""

from __future__ import annotations

from convergio.core.seeds import workspace_seed
from convergio.streams.models import ChannelVoiceSettings, MilestoneThreshold

THRESHOLDS = (100, 500, 1_000, 5_000, 10_000, 50_000)
VOICES = {"discord": "friendly", "x": "mixed", "instagram": "hype", "facebook": "professional"}


@workspace_seed
def seed_streams(workspace_id: int) -> None:
    """Six thresholds, four voices."""
    MilestoneThreshold.objects.bulk_create(
        MilestoneThreshold(workspace_id=workspace_id, threshold=threshold) for threshold in THRESHOLDS
    )
    ChannelVoiceSettings.objects.bulk_create(
        ChannelVoiceSettings(workspace_id=workspace_id, platform=platform, tone_preset=tone)
        for platform, tone in VOICES.items()
    )
