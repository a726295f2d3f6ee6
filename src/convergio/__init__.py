"""Convergio: a self-hosted operations platform for agencies, consultancies and creators."""

__version__ = "0.1.0"
