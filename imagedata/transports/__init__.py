"""Transports: how a URL is reached."""
