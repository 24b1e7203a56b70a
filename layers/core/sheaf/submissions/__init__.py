"""Submissions: filled forms, their versions and attachments."""
