"""Logs: one JSON line per request, and one for each fact that an operator may need.

Nothing secret is ever logged: no bodies, tokens, headers, query values or display names.
"""

from aws_lambda_powertools import Logger

from sheaf import settings

logger = Logger(service="sheaf", level=settings.LOG_LEVEL)
