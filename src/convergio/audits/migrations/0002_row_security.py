from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("audits", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "digital_audits",
        ),
    ]
