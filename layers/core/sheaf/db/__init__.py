"""The table: its keys, its items, reads in rounds, and the one way to write."""
