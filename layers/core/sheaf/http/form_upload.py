"""A form as requests carry one: XML or a spreadsheet, as their Content-Type says."""

from __future__ import annotations

from urllib.parse import unquote

from sheaf.forms import upload
from sheaf.forms.upload import Upload
from sheaf.http.request import Request


def sent(request: Request) -> bool:
    """Whether a request carries a form, or says so and carries nothing."""
    return bool(request.content) or upload.expected(request.content_type)


def read(request: Request) -> Upload:
    """Read the form that a request carries.

    Raises:
        Problem: see `upload.read`.
    """
    # The form id of a spreadsheet that names none itself.
    fallback_id = unquote(request.headers.get("x-xlsform-formid-fallback", "")) or "form"
    return upload.read(request.content, request.content_type, fallback_id=fallback_id)
