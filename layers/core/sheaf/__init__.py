"""Sheaf: a serverless submission server for ODK and KoBo style forms."""
