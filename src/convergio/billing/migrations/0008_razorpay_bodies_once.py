"""Razorpay's event id comes in a header that it does not sign: the same signed body under another id is a replay."""

from django.db import migrations

_MAKE = """
CREATE UNIQUE INDEX inbound_events_razorpay_body ON inbound_events (sha256(payload)) WHERE source = 'razorpay'
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_payments"), ("core", "0001_initial")]

    operations = [migrations.RunSQL(_MAKE, "DROP INDEX inbound_events_razorpay_body")]
