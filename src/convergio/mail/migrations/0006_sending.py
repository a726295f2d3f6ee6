from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0005_search_function'),
    ]

    operations = [
        migrations.AddField(
            model_name='email',
            name='delivery_results',
            field=models.JSONField(db_comment='Outbound: {"address": "accepted" or why not}; whoever is missing is still to be tried', db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='inbox',
            name='sending_error',
            field=models.TextField(db_comment='Why the SMTP server refuses our login; mail waits meanwhile', db_default=''),
        ),
    ]
