"""Everybody who owns a workspace is told at 20 % and at nothing, like those who come from now on."""

from django.db import migrations

_MAKE = """
INSERT INTO usage_alerts (user_id, threshold, unit, channel)
SELECT owner.owner_id, level.threshold, level.unit, 'both'
FROM (SELECT DISTINCT owner_id FROM workspaces) AS owner
CROSS JOIN (VALUES (20, 'percent'), (0, 'tokens')) AS level (threshold, unit)
WHERE NOT EXISTS (SELECT FROM usage_alerts AS known WHERE known.user_id = owner.owner_id)
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_metering"), ("accounts", "0009_passkey_user_handle")]

    operations = [migrations.RunSQL(_MAKE, migrations.RunSQL.noop)]
