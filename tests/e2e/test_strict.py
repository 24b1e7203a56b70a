"""The stack with IAM enforced: each function has the rights of its role, and no role has too many."""

from __future__ import annotations

import io
import time
from collections import defaultdict
from typing import Any

import pytest

from local.job import SAMPLES, Job
from local.receiver import Receiver
from local.scene import prepare
from local.story import Story
from tests.api import Api, Http, answer_of  # noqa: F401
from tests.cast import PASSWORD, xform, xml
from tests.e2e.project import Project

pytestmark = [pytest.mark.strict, pytest.mark.xdist_group("strict")]
FORMS = [SAMPLES / "water-point.xml", SAMPLES / "household-nutrition.xlsx"]

# What one call needs, where that is not the action of its own name.
NEEDS = {
    "dynamodb:TransactWriteItems": {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    },
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
}
# What AWS itself does with a function's role: triggers, failure destinations, logs.
PLATFORM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}
