"""Model interface, providers and the knowledge base.

It turns a question and passages into a draft, and says what that cost. It does not know where a draft is shown or sent.
"""
