from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("core", "0003_idempotency_keys")]

    operations = [EnableRowSecurity("idempotency_keys")]
