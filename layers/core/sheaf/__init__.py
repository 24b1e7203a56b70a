"""Sheaf: a serverless submission server for ODK and KoBo style forms."""

import gc

# Loading makes a hundred thousand objects that stay. Python would search them for garbage again and
# again, for an eighth of a cold start; this first line of every function lets it search seldom.
gc.set_threshold(50_000)
