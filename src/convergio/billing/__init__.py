"""Plans, subscriptions, invoices and the token ledger.

It knows users and money; it does not know what tokens are spent on.
"""
