"""Every change of a plan is a version; versions and events of subscriptions stay as they are."""

import django.db.models.deletion
from django.db import migrations, models

_MAKE = """
CREATE FUNCTION convergio_keep_plan_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND
        (NEW.name, NEW.price, NEW.currency, NEW.monthly_tokens, NEW.monthly_emails, NEW.monthly_ai_replies, NEW.trial_days)
        IS NOT DISTINCT FROM
        (OLD.name, OLD.price, OLD.currency, OLD.monthly_tokens, OLD.monthly_emails, OLD.monthly_ai_replies, OLD.trial_days)
    THEN
        RETURN NEW;
    END IF;
    INSERT INTO subscription_plan_versions (plan_id, number, name, price, currency, monthly_tokens, monthly_emails,
        monthly_ai_replies, trial_days)
    SELECT NEW.id, COALESCE(max(number), 0) + 1, NEW.name, NEW.price, NEW.currency, NEW.monthly_tokens,
        NEW.monthly_emails, NEW.monthly_ai_replies, NEW.trial_days
    FROM subscription_plan_versions WHERE plan_id = NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER subscription_plans_versions AFTER INSERT OR UPDATE ON subscription_plans
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_plan_version();
COMMENT ON FUNCTION convergio_keep_plan_version IS 'Writes a version of the plan when something of it changes';

CREATE FUNCTION convergio_keep_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER subscription_plan_versions_frozen BEFORE UPDATE OR DELETE ON subscription_plan_versions
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_subscriptions();
CREATE TRIGGER subscription_events_append_only BEFORE UPDATE OR DELETE ON subscription_events
    FOR EACH ROW EXECUTE FUNCTION convergio_keep_subscriptions();
COMMENT ON FUNCTION convergio_keep_subscriptions IS 'Refuses to change or remove a row';

INSERT INTO subscription_plan_versions (plan_id, number, name, price, currency, monthly_tokens, monthly_emails,
    monthly_ai_replies)
SELECT id, 1, name, price, currency, monthly_tokens, monthly_emails, monthly_ai_replies FROM subscription_plans;
UPDATE user_subscriptions AS s SET version_id = v.id, status = CASE WHEN v.price = 0 THEN 'free' ELSE s.status END
FROM subscription_plan_versions v WHERE v.plan_id = s.plan_id;
INSERT INTO user_subscriptions (user_id, plan_id, version_id, look_at)
SELECT DISTINCT w.owner_id, v.plan_id, v.id, now() FROM workspaces w, subscription_plan_versions v
JOIN subscription_plans p ON p.id = v.plan_id WHERE p.slug = 'free'
ON CONFLICT (user_id) DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
"""
_DROP = """
DELETE FROM user_subscriptions WHERE status = 'free';
DROP TRIGGER subscription_events_append_only ON subscription_events;
DROP TRIGGER subscription_plan_versions_frozen ON subscription_plan_versions;
DROP FUNCTION convergio_keep_subscriptions();
DROP TRIGGER subscription_plans_versions ON subscription_plans;
DROP FUNCTION convergio_keep_plan_version();
"""
_STATES = ("free", "pending", "trialing", "active", "past_due", "cancelling")


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_subscriptions"), ("accounts", "0005_richer_scope")]

    operations = [
        migrations.RunSQL(_MAKE, _DROP),
        migrations.AlterField(
            model_name="usersubscription",
            name="version",
            field=models.ForeignKey(
                db_comment="As it was bought",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.planversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="usersubscription",
            constraint=models.CheckConstraint(
                condition=models.Q(status__in=_STATES), name="user_subscriptions_known_state"
            ),
        ),
    ]
