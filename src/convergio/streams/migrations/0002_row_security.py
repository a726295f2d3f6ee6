from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("streams", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "stream_state",
            "stream_captions",
            "stream_announcements",
            "platform_credentials",
            "channel_voice_settings",
            "milestone_thresholds",
            "milestone_celebrations",
        ),
    ]
