from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("calendars", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "calendar_events",
            "calcom_settings",
        ),
    ]
