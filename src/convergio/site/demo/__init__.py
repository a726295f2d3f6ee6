"""What a demo workspace begins with: knowledge base documents and a week of raw mail.

Every person, company and address is invented and under a reserved domain.
"""
