"""Every error that a client can meet, in the order of its code.

A Problem is raised anywhere below a handler; the kernel (`sheaf.http`) turns it into one of three
wire forms. Codes, texts and details are ODK Central's (its `problem.js`); the HTTP status is the
integer part of the code. A code is never reused, and codes ending in 0 do not exist, because the
code travels as a JSON number (400.10 would read 400.1). 400.91 to 400.94, 409.91 to 409.94, 413.1
and 503.1 are Sheaf's own.
`docs/errors.md` is made from this file and a test holds both equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

_T = TypeVar("_T")


class Problem(Exception):  # noqa: N818 - Central's word for it
    """An error with a code, a text and details: what the client did wrong, or must know."""

    code: ClassVar[float]
    message: ClassVar[str]

    def __init__(self, **details: Any) -> None:
        shown = {name: _shown(value) for name, value in details.items()}
        super().__init__(self.message.format(**shown))
        self.details = details

    @property
    def status(self) -> int:
        """The HTTP status: the integer part of the code."""
        return int(self.code)

    def to_api(self) -> dict[str, Any]:
        """Give `{message, code[, details]}`, Central's error body."""
        body: dict[str, Any] = {"message": str(self), "code": self.code}
        if self.details:
            body["details"] = self.details
        return body


def found(thing: _T | None) -> _T:
    """Give the thing, or raise NotFound when it is None."""
    if thing is None:
        raise NotFound
    return thing


# 400: the request itself is wrong.


class Unparsable(Problem):
    """The body is not in the format that its Content-Type names (details: format, rawLength)."""

    code = 400.1
    message = "Could not parse the given data ({rawLength} chars) as {format}."


class MissingParameter(Problem):
    """A required parameter is absent (details: field)."""

    code = 400.2
    message = "Required parameter {field} missing."


class MissingParameters(Problem):
    """Some of a set of parameters are absent or blank (details: expected, got)."""

    code = 400.3
    message = "Required parameters missing. Expected ({names}), got ({shown})."

    def __init__(self, expected: tuple[str, ...], body: Mapping[str, Any]) -> None:
        got = {name: body[name] for name in expected if name in body}
        shown = (
            f"{name}: {_inspect(got[name]) if name in got else 'undefined'}" for name in expected
        )
        super().__init__(names=", ".join(expected), shown=", ".join(shown))
        self.details = {"expected": list(expected), "got": got}


class BadHeader(Problem):
    """A header is absent or malformed (details: field, and value when there was one)."""

    code = 400.6
    message = "An expected header field ({field}) did not match the expected format{got}."

    def __init__(self, field: str, value: str | None = None) -> None:
        super().__init__(field=field, got=f" (got: {value})" if value else "")
        self.details = {"field": field} | ({"value": value} if value else {})


class MissingMultipartField(Problem):
    """A multipart request lacks a field (details: field)."""

    code = 400.7
    message = "Required multipart POST field {field} missing."


class UnexpectedValue(Problem):
    """A value is not one of those possible (details: field, value, reason)."""

    code = 400.8
    message = "Unexpected {field} value {value}; {reason}"


class InvalidDataType(Problem):
    """A value is of the wrong type (details: value or field, expected)."""

    code = 400.11
    message = "Invalid input data type: expected {shown} to be ({expected})"

    def __init__(self, expected: str, *, value: Any = None, field: str | None = None) -> None:
        shown = f"({field})" if field is not None else f'"{_shown(value)}"'
        super().__init__(shown=shown, expected=expected)
        named = {"field": field} if field is not None else {"value": value}
        self.details = named | {"expected": expected}


class DecryptionFailed(Problem):
    """A passphrase is wrong, or fits no key."""

    code = 400.12
    message = (
        "Could not perform decryption. Double check your passphrase and your data and try again."
    )


class ValueTooLong(Problem):
    """A value is longer than its field holds (details: maxLength, as text)."""

    code = 400.13
    message = "Length of value too long for a field"


class XlsFormRejected(Problem):
    """A spreadsheet form could not be converted (details: error, warnings)."""

    code = 400.15
    message = (
        "The given XLSForm file was not valid. Please see the error details for more information."
    )


class FormHasWarnings(Problem):
    """A form has warnings and `ignoreWarnings` was not given (details: warnings)."""

    code = 400.16
    message = (
        "The Form is valid, but with warnings. Please check the warnings and if they are "
        "acceptable resubmit with ?ignoreWarnings=true"
    )


class FieldTypeConflict(Problem):
    """A field changes its type between two versions of a form (details: path, type)."""

    code = 400.17
    message = (
        "The form you have uploaded attempts to change the type of the field at {path}. "
        "In a previous version, it had the type {type}. Please either return that field to its "
        "previous type, or rename the field so it lives at a new path."
    )


class FilterUnparsable(Problem):
    """An OData filter expression is no expression (details: reason)."""

    code = 400.18
    message = "The OData filter expression you provided could not be parsed: {reason}"


class DeprecatedIdMissing(Problem):
    """A PUT of a submission carries no deprecatedID."""

    code = 400.19
    message = (
        "This PUT endpoint expects a deprecatedID metadata tag pointing at the current version "
        "instanceID. I cannot find that tag in your request."
    )


class PasswordTooShort(Problem):
    """A password has fewer than ten characters."""

    code = 400.21
    message = "The password or passphrase provided does not meet the required length."


class OutOfRange(Problem):
    """A number does not fit its type (details: value, type)."""

    code = 400.22
    message = "Provided value '{value}' is out of range for type '{type}'"


class SelectUnknown(Problem):
    """`$select` names a property that does not exist (details: property)."""

    code = 400.23
    message = "Could not find a property named '{property}'"


class SelectUnsupported(Problem):
    """`$select` names a property inside a repeat (details: property)."""

    code = 400.24
    message = (
        "The given OData select property '{property}' uses features not supported by this server."
    )


class MissingMeta(Problem):
    """A form definition has no meta block."""

    code = 400.27
    message = "The form does not contain a 'meta' group."


class RowUnknown(Problem):
    """A skip token names a row that does not exist."""

    code = 400.34
    message = "Record associated with the provided $skiptoken not found."


class InvalidSkipToken(Problem):
    """A skip token cannot be read."""

    code = 400.35
    message = "Invalid $skiptoken"


class BodyTooLarge(Problem):
    """A JSON body is larger than 250 kB."""

    code = 400.36
    message = "Request body too large."


class BadEncoding(Problem):
    """A body is in an encoding that cannot be read."""

    code = 400.37
    message = "Encoding not supported."


class PasswordTooLong(Problem):
    """A password has more than 72 bytes."""

    code = 400.38
    message = "The password or passphrase provided exceeds the maximum length."


class MultipartUnparsable(Problem):
    """A multipart body is broken (details: the reason, a text)."""

    code = 400.39
    message = "Multipart form content failed to parse."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def to_api(self) -> dict[str, Any]:
        """Give Central's body, whose details are a text here."""
        return super().to_api() | {"details": self.reason}


class InvalidQueryCombination(Problem):
    """Query parameters exclude or demand each other (details: paramSet, violationText)."""

    code = 400.41
    message = "Parameters of set {{{paramSet}}} {violationText}"


class PasswordTooWeak(Problem):
    """A password is easily guessed."""

    code = 400.44
    message = "The password provided is too weak."


class InvalidHook(Problem):
    """A hook's definition is wrong (details: field, reason). Sheaf's own."""

    code = 400.91
    message = "The hook is not valid: {field} {reason}"


class NotUtf8(Problem):
    """A body of a text type is not UTF-8: API Gateway does not pass it unchanged. Sheaf's own."""

    code = 400.92
    message = (
        "The body is not UTF-8 and did not arrive unchanged. "
        "Send it with the Content-Type application/octet-stream."
    )


class TooMuch(Problem):
    """More deliveries than one request may be about (details: limit, until). Sheaf's own."""

    code = 400.93
    message = (
        "One request may be about {limit} deliveries at most. Ask for a shorter time: they are "
        "reached at {until}."
    )


class KoboRefused(Problem):
    """KoBoToolbox would refuse this; there the details are the whole answer. Sheaf's own."""

    code = 400.94
    message = "The request is not valid."


# 401, 403: who is asking.


class AuthenticationFailed(Problem):
    """The credentials are absent or wrong."""

    code = 401.2
    message = "Could not authenticate with the provided credentials."


class HttpsOnly(Problem):
    """Basic and cookie authentication are taken over HTTPS alone."""

    code = 401.3
    message = "This authentication method is only available over HTTPS"


class Forbidden(Problem):
    """The actor lacks the right."""

    code = 403.1
    message = "The authentication you provided does not have rights to perform that action."


# 404: nothing is there.


class NotFound(Problem):
    """No such resource."""

    code = 404.1
    message = "Could not find the resource you were looking for."


class MissingApiVersion(Problem):
    """The path does not begin with an API version."""

    code = 404.2
    message = "Expected an API version (eg /v1) at the start of the request URL."


class UnexpectedApiVersion(Problem):
    """The path begins with an API version that does not exist (details: got)."""

    code = 404.3
    message = "Unexpected an API version (accepts: 1) (got: {got})."


class DraftTestLinkGone(Problem):
    """A draft's test link is no longer valid."""

    code = 404.4
    message = (
        "You tried to access a draft testing endpoint, but it does not exist anymore or your "
        "access is no longer valid. If the form has been published and you would like to submit "
        "to it, you should configure your device with an App User token. If there is a new draft, "
        "you may have to reconfigure your device from the draft settings."
    )


class DeprecatedIdUnknown(Problem):
    """A corrected submission names a predecessor that does not exist (details: deprecatedId)."""

    code = 404.5
    message = (
        "You tried to update an existing submission, but we can't find that submission to update "
        "({deprecatedId})"
    )


class FormVersionUnknown(Problem):
    """A submission names a form version that was never published (details: formVersion)."""

    code = 404.6
    message = "The form version specified in this submission '{formVersion}' does not exist."


# 406, 409, 413: what is asked for clashes with what there is, or with a limit.


class NotAcceptable(Problem):
    """The requested format cannot be given (details: allowed)."""

    code = 406.1
    message = "Requested format not acceptable; this resource allows: {allowed}."


class ResubmittedDifferently(Problem):
    """A resubmission over OpenRosa carries other XML than before."""

    code = 409.1
    message = (
        "A submission already exists with this ID, but with different XML. Resubmissions to "
        "attach additional multimedia must resubmit an identical xml_submission_file."
    )


class FormNotAccepting(Problem):
    """The form is closed."""

    code = 409.2
    message = (
        "This form is not currently accepting submissions. "
        "Please talk to your program staff if this is unexpected."
    )


class AlreadyExists(Problem):
    """A unique value is taken (details: fields, values, and table where Central names it).

    Both are lists beside a table; without one they are texts, as for `instanceID`.
    """

    code = 409.3
    message = "A resource already exists with {shown_fields} value(s) of {shown_values}."

    def __init__(self, *, table: str | None = None, **unique: Any) -> None:
        fields, values = list(unique), [_plain(value) for value in unique.values()]
        super().__init__(shown_fields=fields, shown_values=values)
        if table is None:
            self.details = {"fields": ",".join(fields), "values": ",".join(values)}
        else:
            self.details = {"fields": fields, "values": values, "table": table}


class AlreadyActive(Problem):
    """A feature that can be switched on once is on (details: feature)."""

    code = 409.4
    message = "Could not activate feature ({feature}) as it was already activated"


class Activating(Problem):
    """A project is just being encrypted."""

    code = 409.5
    message = (
        "Could not create form, because the project was being prepared for managed encryption. "
        "Please try again in a moment."
    )


class VersionAlreadyPublished(Problem):
    """A form version of that name was published before (details: xmlFormId, version)."""

    code = 409.6
    message = (
        "You tried to publish the form '{xmlFormId}' with version '{version}', but a published "
        "form has already existed in this project with those identifiers."
    )


class NoPublishedVersion(Problem):
    """A draft cannot go, because it is all that there is of its form."""

    code = 409.7
    message = (
        "Could not delete draft, because the form has not been published. Either delete the whole "
        "form, or replace the draft."
    )


class OutdatedCopy(Problem):
    """A correction starts from a version that is no longer current (details: deprecatedId)."""

    code = 409.9
    message = (
        "You tried to update a submission, but the copy you were editing ({deprecatedId}) is now "
        "out of date. Please get the new version that has been submitted, and make your edits "
        "again."
    )


class WebFormNotReady(Problem):
    """A form cannot be edited on the web yet."""

    code = 409.11
    message = (
        "The form you tried to access is not ready for web use yet. Please wait some time and try "
        "again."
    )


class EditingClosedForm(Problem):
    """A submission of a form that is not open cannot be edited on the web."""

    code = 409.12
    message = (
        "You are trying to edit a submission of a Form that is in Closing or Closed state. "
        "In this version of Central, you can only edit the submissions of Open Forms. We will fix "
        "this in a future version for Central."
    )


class SubmissionDeleted(Problem):
    """A deleted submission is sent again over OpenRosa."""

    code = 409.18
    message = "This submission has been deleted. You may not resubmit it."


class TooManyHooks(Problem):
    """A form or project has its full number of hooks (details: limit). Sheaf's own."""

    code = 409.91
    message = "There are already {limit} hooks here. Delete one before you create another."


class LinkUsed(Problem):
    """A single-use link has had its submission from this device. Sheaf's own."""

    code = 409.92
    message = "This link takes one submission from each device, and has had one from yours."


class HookTurnedOff(Problem):
    """A hook that is turned off is to send something. Sheaf's own."""

    code = 409.93
    message = "The hook is turned off. Turn it on before you let it send something."


class AlreadyDelivered(Problem):
    """A delivery that its receiver has is to be sent again. Sheaf's own."""

    code = 409.94
    message = "The receiver has this delivery already. To send it all the same, say force."


class TooManyChanges(Problem):
    """A submission has had so many changes that its record is full. Sheaf's own."""

    code = 409.95
    message = "This submission has been changed so often that it takes no more changes."


class FileTooLarge(Problem):
    """An upload is larger than its way may carry (details: limit, in bytes). Sheaf's own."""

    code = 413.1
    message = (
        "The file is larger than what can be sent this way ({limit} bytes). Ask for an upload "
        "link with a POST to the attachment's path followed by /uploads, and send it there: it "
        "takes up to 5 GB."
    )


# 501, 503: the server cannot.


class ExportFailed(Problem):
    """An export could not be made (details: reason). Sheaf's own."""

    code = 500.91
    message = "The export could not be made: {reason}"


class NotSupported(Problem):
    """A feature of the protocol that this server lacks (details: feature)."""

    code = 501.1
    message = "The requested feature {feature} is not supported by this server."


class FilterUnsupported(Problem):
    """An OData filter uses what is not supported (details: at, type, text)."""

    code = 501.4
    message = (
        "The given OData filter expression uses features not supported by this server: "
        '{type} at {at} ("{text}")'
    )


class FilterFieldUnsupported(Problem):
    """An OData filter or order names a field that it cannot use (details: text, in a filter at)."""

    code = 501.5
    message = (
        "The given OData filter expression references fields not supported by this server: "
        "{text}{place}"
    )

    def __init__(self, text: str, at: int | None = None) -> None:
        super().__init__(text=text, place="" if at is None else f" at {at}")
        self.details = {"text": text} if at is None else {"at": at, "text": text}


class ExpandUnsupported(Problem):
    """`$expand` is other than `*` (details: text)."""

    code = 501.6
    message = (
        'The given OData expand expression is not supported by this server: "{text}". Currently, '
        'only "$expand=*" is supported.'
    )


class SelectWithExpand(Problem):
    """`$select` and `$expand` are given together."""

    code = 501.11
    message = "This server doesn't support $select query parameter with $expand."


class Busy(Problem):
    """The same data is being changed by too many requests at once. Sheaf's own."""

    code = 503.1
    message = "The server is busy with other changes to the same data. Please try again."


def _plain(value: Any) -> str:
    """Show a value as Central's database driver does: booleans as t and f."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def _shown(value: Any) -> str:
    """Show a value as JavaScript puts it into a text."""
    if isinstance(value, (list, tuple)):
        return ",".join(_shown(each) for each in value)
    if isinstance(value, dict):
        return "[object Object]"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _inspect(value: Any) -> str:
    """Show a value as Node's util.inspect does, which is what Central prints."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
