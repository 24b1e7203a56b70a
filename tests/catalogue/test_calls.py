"""What each route costs in calls to AWS: counted, and held equal to the table of docs/calls.md.

`python -m tests.catalogue.test_calls` writes the table anew.
"""
