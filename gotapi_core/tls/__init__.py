"""The hub's own certificate authority, its certificates, and where they are kept.

A hub that has TLS switched off imports `settings` and `files` only: the others take time.
"""
