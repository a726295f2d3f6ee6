"""Plans in versions, who has which, and what each month of it brings.

One state machine (machine.py) says what may follow what; everything else asks a gateway, applies its answer as events
and writes down what follows: payment, invoice, grant. It knows users, money and gateways. It does not know what tokens
or quotas are spent on.
"""
