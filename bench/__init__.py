"""Measurements: what a submission costs, how fast functions load. Run by hand, never as tests."""
