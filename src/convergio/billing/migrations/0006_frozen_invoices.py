"""What was issued stays as it is: of an invoice only payment, refunds and mailing are noted, of a credit note nothing."""

from django.db import migrations

_MAKE = """
CREATE FUNCTION convergio_keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted CONSTANT text[] := ARRAY['status', 'paid_at', 'gateway', 'gateway_id', 'credited', 'mailed_at'];
    is_payment CONSTANT boolean := TG_OP = 'UPDATE' AND OLD.status = 'issued' AND NEW.status = 'paid';
BEGIN
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - noted) IS DISTINCT FROM (to_jsonb(OLD) - noted) THEN
        RAISE EXCEPTION 'an issued invoice is frozen' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status
        AND (OLD.status, NEW.status) NOT IN (('issued', 'paid'), ('issued', 'void'), ('paid', 'refunded'))
        OR is_payment AND NEW.paid_at IS NULL
        OR NOT is_payment AND (NEW.paid_at, NEW.gateway, NEW.gateway_id)
            IS DISTINCT FROM (OLD.paid_at, OLD.gateway, OLD.gateway_id)
        OR NEW.credited <> OLD.credited AND (OLD.status <> 'paid' OR NEW.credited < OLD.credited) THEN
        RAISE EXCEPTION 'an invoice goes from issued to paid or void, and from paid to refunded'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoices_frozen BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_invoice();
COMMENT ON FUNCTION convergio_keep_invoice IS 'Refuses to change an issued invoice, save what is noted of its payment';

CREATE FUNCTION convergio_keep_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued credit note is frozen' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER credit_notes_frozen BEFORE UPDATE OR DELETE ON credit_notes
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_credit_note();
COMMENT ON FUNCTION convergio_keep_credit_note IS 'Refuses to change or remove a credit note';
"""
_DROP = """
DROP TRIGGER credit_notes_frozen ON credit_notes;
DROP FUNCTION convergio_keep_credit_note();
DROP TRIGGER invoices_frozen ON invoices;
DROP FUNCTION convergio_keep_invoice();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_invoices")]

    operations = [migrations.RunSQL(_MAKE, _DROP)]
