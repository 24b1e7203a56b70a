"""Exports: all that was submitted to a form, as CSV tables and files."""
