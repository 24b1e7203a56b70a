"""PATCH /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: set the review state of a submission."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location, reviews
from sheaf.submissions.reviews import Review


@endpoint
def handler(request: Request) -> dict[str, Any]:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("submission.update", on=form)
    submission, review = found(submission), Review.from_api(request.json)
    return reviews.give(form, submission, review, by=request.auth)
