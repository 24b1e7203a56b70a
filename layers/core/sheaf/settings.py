"""What the deployment tells a function, read once from its environment."""

import os

TABLE_NAME = os.environ.get("TABLE_NAME", "")
BUCKET_NAME = os.environ.get("BUCKET_NAME", "")
BUS_NAME = os.environ.get("BUS_NAME", "")
DELIVERY_QUEUE_URL = os.environ.get("DELIVERY_QUEUE_URL", "")
DELIVERY_FAILURES_URL = os.environ.get("DELIVERY_FAILURES_URL", "")
NOTICE_TOPIC = os.environ.get("NOTICE_TOPIC", "")
EXPORT_QUEUE_URL = os.environ.get("EXPORT_QUEUE_URL", "")
SECRETS_PREFIX = os.environ.get("SECRETS_PREFIX", "")
LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO")
# What links to this API begin with ("https://sheaf.example.org"), where the stack can know it.
ORIGIN = os.environ.get("ORIGIN", "")
# Days until a deleted submission is purged. Central: 30.
RETENTION_DAYS = int(os.environ.get("RETENTION_DAYS", "30"))
# "public": hooks reach public HTTPS addresses only. "any": a developer's own machine too.
HOOK_TARGETS = os.environ.get("HOOK_TARGETS", "public")
