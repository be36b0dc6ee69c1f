"""Broker for the Add-on Partner API (a later issue)."""
