"""The one botocore session and the clients made from it, each once and when first needed.

boto3 is not used: botocore alone starts faster. The endpoint is never named here; AWS's own
`AWS_ENDPOINT_URL` decides where the calls go.
"""

import functools
from typing import Any

import botocore.session
from botocore.config import Config

# A Lambda has seconds, not minutes: give up on a silent connection early and try again.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 4},
    # As many as WorkersDeliver has attempts under way at most (`sheaf.hooks.shift`).
    max_pool_connections=40,
    signature_version="s3v4",
    # The newer default adds a trailing checksum that presigned URLs and small puts do not need.
    request_checksum_calculation="when_required",
)


@functools.lru_cache(maxsize=1)
def session() -> Any:
    """Give the botocore session of this process."""
    return botocore.session.get_session()


@functools.cache
def client(service: str) -> Any:
    """Give the client of a service, named as botocore names it ("s3", "sqs", "events", "ssm")."""
    config = CONFIG if service == "s3" else CONFIG.merge(Config(signature_version=None))
    return session().create_client(service, config=config)
