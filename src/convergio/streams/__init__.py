"""Live streams: what is on air, captions waiting for a person, announcements, milestones."""
