from django.db import migrations

PLANS = [
    # slug, name, paise a month, tokens, emails, AI replies (None: unlimited)
    ("free", "Free", 0, 1_000, 100, 50),
    ("pro", "Pro", 1_999_00, 50_000, 5_000, 2_500),
    ("enterprise", "Enterprise", 9_999_00, 500_000, None, None),
]
PACKAGES = [
    # slug, name, tokens, bonus, paise
    ("starter", "Starter", 5_000, 0, 499_00),
    ("growth", "Growth", 25_000, 2_500, 1_999_00),
    ("business", "Business", 100_000, 15_000, 6_999_00),
    ("enterprise", "Enterprise", 500_000, 100_000, 29_999_00),
]


def seed(apps, schema_editor):
    plan, package = apps.get_model("billing", "SubscriptionPlan"), apps.get_model("billing", "TokenPackage")
    for slug, name, price, tokens, emails, replies in PLANS:
        plan.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "price": price,
                "monthly_tokens": tokens,
                "monthly_emails": emails,
                "monthly_ai_replies": replies,
            },
        )
    for slug, name, tokens, bonus, price in PACKAGES:
        package.objects.get_or_create(
            slug=slug, defaults={"name": name, "tokens": tokens, "bonus_tokens": bonus, "price": price}
        )


def unseed(apps, schema_editor):
    apps.get_model("billing", "SubscriptionPlan").objects.filter(slug__in=[row[0] for row in PLANS]).delete()
    apps.get_model("billing", "TokenPackage").objects.filter(slug__in=[row[0] for row in PACKAGES]).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(seed, unseed)]
