"""The ledger can be added to and read. Only the name of a member who leaves may be taken out of it."""

from django.db import migrations

_MAKE = """
CREATE FUNCTION convergio_keep_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.member_id IS NULL
        AND (to_jsonb(NEW) - 'member_id') = (to_jsonb(OLD) - 'member_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the token ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER token_ledger_append_only BEFORE UPDATE OR DELETE ON token_ledger
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_ledger();
COMMENT ON FUNCTION convergio_keep_ledger IS 'Refuses to change or remove a movement of tokens';
"""
_DROP = """
DROP TRIGGER token_ledger_append_only ON token_ledger;
DROP FUNCTION convergio_keep_ledger();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_ledger")]

    operations = [migrations.RunSQL(_MAKE, _DROP)]
