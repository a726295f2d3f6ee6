"""Invoices and credit notes: tax, numbers without gaps, frozen rows, the PDF and its mail.

It knows users, money and the tax law of the seller's country. It does not know plans, packages or gateways: those
say what was bought and paid, and this writes it down once for ever.
"""
