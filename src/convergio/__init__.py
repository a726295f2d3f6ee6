"""Convergio: a self-hosted operations platform for agencies, consultancies and creators."""
