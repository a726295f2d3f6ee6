"""Activity can be added to and read. Only the name of whoever leaves may be taken out of it."""

from django.db import migrations

_MAKE = """
CREATE FUNCTION convergio_keep_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS NULL
        AND (to_jsonb(NEW) - 'user_id') = (to_jsonb(OLD) - 'user_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'activity is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER activity_append_only BEFORE UPDATE OR DELETE ON activity
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_activity();
COMMENT ON FUNCTION convergio_keep_activity IS 'Refuses to change or remove what was written down';
"""
_DROP = """
DROP TRIGGER activity_append_only ON activity;
DROP FUNCTION convergio_keep_activity();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0005_activity_sources")]

    operations = [migrations.RunSQL(_MAKE, _DROP)]
