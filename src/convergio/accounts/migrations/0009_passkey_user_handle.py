from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_richer_scope")]

    operations = [
        migrations.AddField(
            model_name="passkey",
            name="user_handle",
            field=models.BinaryField(
                db_comment="What the authenticator calls the account; says nothing about it"
            ),
        ),
    ]
