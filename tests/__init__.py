"""Tests. See CONTRIBUTING.md for what kind goes where."""
