"""Encrypted forms: the keys, and what it takes to open what a device has sealed."""
