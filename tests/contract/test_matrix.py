"""Who may do what: every operation below a project, by everybody who might try.

MATRIX is to be read beside Central's roles. A route of openapi.yaml that is in no row fails here; a
new route gets its row below the path that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN
from tests.api import Answer, Api, event_for, routes
from tests.cast import OPENROSA, PASSWORD, Cast, multipart, xform, xml
from tests.happy import HOOK
from tests.stage import Stage
from tests.wire import Wire

# The columns: administrator; manager, viewer and data collector of project 1; an app user and a
# link that are assigned to the forms; an app user without assignments; a user without a role; and
# who has no credentials.
ACTORS = ("alice", "bob", "vera", "colin", "app_user", "link", "unassigned", "chelsea", "nobody")

# Statuses; `-` is 403. Rows hold what follows the path above them; `=` is that path itself.
#
# In a path, `{own}` is a submission of the actor's own with an empty slot, `{full}` one with a file
# in it, `{edited}` one that has been edited since, as `{later}`; who cannot have any tries the
# administrator's.
# `{spare}`, `{app_user}`, `{link}` and the like stand for the numbers of those actors and things.
MATRIX = {
    "/v1": """
                                             adm mgr vwr col app lnk una non any
        GET    /users                        200 200 200 200 200 200 200 200 401
        POST   /users                        200  -   -   -   -   -   -   -  401
        GET    /users/current                200 200 200 200 404 404 404 200 401
        GET    /users/{chelsea}              200  -   -   -   -   -   -  200 401
        PATCH  /users/{chelsea}              200  -   -   -   -   -   -  200 401
        PUT    /users/{chelsea}/password     200  -   -   -   -   -   -  200 401
        DELETE /users/{chelsea}              200  -   -   -   -   -   -   -  401
        GET    /audits                       200  -   -   -   -   -   -   -  401
        GET    /roles                        200 200 200 200 200 200 200 200 401
        GET    /roles/app-user               200 200 200 200 200 200 200 200 401
        GET    /assignments                  200  -   -   -   -   -   -   -  401
        GET    /assignments/formfill         200  -   -   -   -   -   -   -  401
        POST   /assignments/viewer/{spare}   200  -   -   -   -   -   -   -  401
        DELETE /assignments/formfill/{spare} 200  -   -   -   -   -   -   -  401
        GET    /projects                     200 200 200 200 200 200 200 200 401
        POST   /projects                     200  -   -   -   -   -   -   -  401
    """,
    "/v1/projects/1": """
                                                   adm mgr vwr col app lnk una non any
        GET    =                                   200 200 200 200  -   -   -   -  401
        PATCH  =                                   200 200  -   -   -   -   -   -  401
        DELETE =                                   200 200  -   -   -   -   -   -  401
        POST   /key                                200 200  -   -   -   -   -   -  401
        GET    /assignments                        200 200  -   -   -   -   -   -  401
        GET    /assignments/formfill               200 200  -   -   -   -   -   -  401
        POST   /assignments/viewer/{spare}         200 200  -   -   -   -   -   -  401
        DELETE /assignments/formfill/{spare}       200 200  -   -   -   -   -   -  401
        GET    /app-users                          200 200  -   -   -   -   -   -  401
        POST   /app-users                          200 200  -   -   -   -   -   -  401
        DELETE /app-users/{app_user}               200 200  -   -   -   -   -   -  401
        GET    /hooks                              200 200  -   -   -   -   -   -  401
        POST   /hooks                              200 200  -   -   -   -   -   -  401
        GET    /hooks/{project_hook}               200 200  -   -   -   -   -   -  401
        PATCH  /hooks/{project_hook}               200 200  -   -   -   -   -   -  401
        DELETE /hooks/{project_hook}               200 200  -   -   -   -   -   -  401
        POST   /hooks/{project_hook}/enable        200 200  -   -   -   -   -   -  401
        POST   /hooks/{project_hook}/disable       200 200  -   -   -   -   -   -  401
        POST   /hooks/{project_hook}/ping          200 200  -   -   -   -   -   -  401
        POST   /hooks/{project_hook}/preview       200 200  -   -   -   -   -   -  401
        POST   /hooks/{project_hook}/secret/rotate 200 200  -   -   -   -   -   -  401
        GET    /hooks/{project_hook}/deliveries    200 200  -   -   -   -   -   -  401
        GET    /forms                              200 200 200 200  -   -   -   -  401
        POST   /forms                              200 200  -   -   -   -   -   -  401
        GET    /formList                           200 200 200 200 200 200 200 200 401
        POST   /forms/{lost}/restore               200 200  -   -   -   -   -   -  401
    """,
    "/v1/projects/1/forms/simple": """
                                             adm mgr vwr col app lnk una non any
        GET    =                             200 200 200 200 200 200  -   -  401
        GET    .xml                          200 200 200 200 200 200  -   -  401
        GET    /fields                       200 200 200 200 200 200  -   -  401
        GET    /manifest                     200 200 200 200 200 200  -   -  401
        GET    /versions                     200 200 200 200 200 200  -   -  401
        GET    /versions/1                   200 200 200 200 200 200  -   -  401
        GET    /versions/1.xml               200 200 200 200 200 200  -   -  401
        GET    /versions/1/fields            200 200 200 200 200 200  -   -  401
        POST   /draft                        200 200  -   -   -   -   -   -  401
        GET    .svc                          200 200 200  -   -   -   -   -  401
        GET    .svc/$metadata                200 200 200  -   -   -   -   -  401
        GET    .svc/Submissions              200 200 200  -   -   -   -   -  401
        GET    .svc/Submissions('one')       200 200 200  -   -   -   -   -  401
        GET    /submissions.csv              200 200 200  -   -   -   -   -  401
        POST   /submissions.csv              200 200 200  -   -   -   -   -  401
        GET    /submissions.csv.zip          200 200 200  -   -   -   -   -  401
        POST   /submissions.csv.zip          200 200 200  -   -   -   -   -  401
        GET    /exports/none                 404 404 404  -   -   -   -   -  401
        PATCH  =                             200 200  -   -   -   -   -   -  401
        DELETE =                             200 200  -   -   -   -   -   -  401
        GET    /assignments                  200 200  -   -   -   -   -   -  401
        GET    /assignments/formfill         200 200  -   -   -   -   -   -  401
        POST   /assignments/viewer/{spare}   200 200  -   -   -   -   -   -  401
        DELETE /assignments/formfill/{spare} 200 200  -   -   -   -   -   -  401
        GET    /public-links                 200 200  -   -   -   -   -   -  401
        POST   /public-links                 200 200  -   -   -   -   -   -  401
        DELETE /public-links/{link}          200 200  -   -   -   -   -   -  401
        GET    /hooks                        200 200  -   -   -   -   -   -  401
        POST   /hooks                        200 200  -   -   -   -   -   -  401
        GET    /hooks/{hook}                 200 200  -   -   -   -   -   -  401
        PATCH  /hooks/{hook}                 200 200  -   -   -   -   -   -  401
        DELETE /hooks/{hook}                 200 200  -   -   -   -   -   -  401
        POST   /hooks/{hook}/enable          200 200  -   -   -   -   -   -  401
        POST   /hooks/{hook}/disable         200 200  -   -   -   -   -   -  401
        POST   /hooks/{hook}/ping            200 200  -   -   -   -   -   -  401
        POST   /hooks/{hook}/preview         200 200  -   -   -   -   -   -  401
        POST   /hooks/{hook}/secret/rotate   200 200  -   -   -   -   -   -  401
        GET    /hooks/{hook}/deliveries      200 200  -   -   -   -   -   -  401
        GET    /submissions.geojson          200 200 200  -   -   -   -   -  401
    """,
    "/v1/projects/1/hooks/{project_hook}": """
                                             adm mgr vwr col app lnk una non any
        GET    /deliveries/x                 404 404  -   -   -   -   -   -  401
        GET    /deliveries/x/attempts        404 404  -   -   -   -   -   -  401
        GET    /deliveries/x/attempts/1/body 404 404  -   -   -   -   -   -  401
        POST   /deliveries/x/retry           404 404  -   -   -   -   -   -  401
        GET    /stats                        200 200  -   -   -   -   -   -  401
        GET    /reconcile                    200 200  -   -   -   -   -   -  401
        POST   /retry                        202 202  -   -   -   -   -   -  401
        POST   /replay                       202 202  -   -   -   -   -   -  401
        GET    /jobs/x                       404 404  -   -   -   -   -   -  401
    """,
    "/v1/projects/1/forms/simple/hooks/{hook}": """
                                             adm mgr vwr col app lnk una non any
        GET    /deliveries/x                 404 404  -   -   -   -   -   -  401
        GET    /deliveries/x/attempts        404 404  -   -   -   -   -   -  401
        GET    /deliveries/x/attempts/1/body 404 404  -   -   -   -   -   -  401
        POST   /deliveries/x/retry           404 404  -   -   -   -   -   -  401
        GET    /stats                        200 200  -   -   -   -   -   -  401
        GET    /reconcile                    200 200  -   -   -   -   -   -  401
        POST   /retry                        202 202  -   -   -   -   -   -  401
        POST   /replay                       202 202  -   -   -   -   -   -  401
        GET    /jobs/x                       404 404  -   -   -   -   -   -  401
    """,
    "/v1/projects/1/forms/simple/submissions": """
                                                   adm mgr vwr col app lnk una non any
        GET    =                                   200 200 200  -   -   -   -   -  401
        GET    ?deleted=true                       200 200 200  -   -   -   -   -  401
        POST   =                                   200 200  -  200 200 200  -   -  401
        GET    /keys                               200 200 200  -   -   -   -   -  401
        GET    /submitters                         200 200 200  -   -   -   -   -  401
        GET    /one                                200 200 200  -   -   -   -   -  401
        GET    /{own}                              200 200 200  -   -   -   -   -  401
        GET    /one.xml                            200 200 200  -   -   -   -   -  401
        GET    /gone                               404 404 404  -   -   -   -   -  401
        GET    /{later}                            301 301 301  -   -   -   -   -  401
        GET    /{later}.xml                        301 301 301  -   -   -   -   -  401
        GET    /{edited}/versions                  200 200 200  -   -   -   -   -  401
        GET    /{edited}/versions/{later}          200 200 200  -   -   -   -   -  401
        GET    /{edited}/versions/{edited}.xml     200 200 200  -   -   -   -   -  401
        GET    /{edited}/diffs                     200 200 200  -   -   -   -   -  401
        GET    /{edited}/audits                    200 200 200  -   -   -   -   -  401
        PUT    /one                                200 200  -  200 200 200  -   -  401
        PATCH  /one                                200 200  -   -   -   -   -   -  401
        GET    /one/edit                           302 302  -   -   -   -   -   -  401
        DELETE /one                                200 200  -   -   -   -   -   -  401
        DELETE /{own}                              200 200  -   -   -   -   -   -  401
        POST   /gone/restore                       200 200  -   -   -   -   -   -  401
        GET    /one/audits                         200 200 200  -   -   -   -   -  401
        GET    /one/deliveries                     200 200  -   -   -   -   -   -  401
        GET    /one/comments                       200 200 200  -   -   -   -   -  401
        POST   /one/comments                       200 200 200  -   -   -   -   -  401
        GET    /one/attachments                    200 200 200  -   -   -   -   -  401
        GET    /{own}/attachments                  200 200 200  -   -   -   -   -  401
        GET    /one/attachments/p.jpg              200 200 200  -   -   -   -   -  401
        POST   /one/attachments/p.jpg              200 200  -   -   -   -   -   -  401
        POST   /{own}/attachments/p.jpg            200 200  -  200 200 200  -   -  401
        POST   /{own}/attachments/q.jpg            404 404  -  404 404 404  -   -  401
        POST   /{full}/attachments/p.jpg           200 200  -   -   -   -   -   -  401
        POST   /{edited}/attachments/p.jpg         200 200  -   -   -   -   -   -  401
        POST   /one/attachments/p.jpg/uploads      200 200  -   -   -   -   -   -  401
        POST   /{own}/attachments/p.jpg/uploads    200 200  -  200 200 200  -   -  401
        POST   /{full}/attachments/p.jpg/uploads   200 200  -   -   -   -   -   -  401
        DELETE /one/attachments/p.jpg              200 200  -   -   -   -   -   -  401
        DELETE /{full}/attachments/p.jpg           200 200  -   -   -   -   -   -  401
        GET    /{later}/attachments                301 301 301  -   -   -   -   -  401
        GET    /one/versions/one/attachments       200 200 200  -   -   -   -   -  401
        GET    /one/versions/one/attachments/p.jpg 200 200 200  -   -   -   -   -  401
        GET    /one.geojson                        200 200 200  -   -   -   -   -  401
        GET    /one/versions/one.geojson           200 200 200  -   -   -   -   -  401
        DELETE /one/versions/one/attachments/p.jpg 200 200  -   -   -   -   -   -  401
    """,
    # A form that is being closed is hidden from devices, but takes what they still have.
    "/v1/projects/1/forms/closing": """
                                adm mgr vwr col app lnk una non any
        GET    =                200 200 200 200 200 200  -   -  401
        GET    .xml             200 200 200 200 200 200  -   -  401
        GET    /fields          200 200 200 200 200 200  -   -  401
        POST   /submissions     200 200  -  200 200 200  -   -  401
        PUT    /submissions/one 200 200  -  200 200 200  -   -  401
    """,
    # That a form is closed is told before the right is asked for, as in Central.
    "/v1/projects/1/forms/closed": """
                                adm mgr vwr col app lnk una non any
        GET    =                200 200 200  -   -   -   -   -  401
        GET    .xml             200 200 200  -   -   -   -   -  401
        GET    /fields          200 200 200  -   -   -   -   -  401
        POST   /submissions     409 409 409 409 409 409 409 409 401
        PUT    /submissions/one 409 409 409 409 409 409 409 409 401
        PATCH  /submissions/one 200 200  -   -   -   -   -   -  401
        GET    /public-links    200 200  -   -   -   -   -   -  401
    """,
    # What devices speak: without the right they are asked for other credentials (401), not refused.
    "/v1/projects/1/submission": """
                 adm mgr vwr col app lnk una non any
        GET    = 204 204 204 204 204 204 204 204 401
        POST   = 201 201 401 201 201 201 401 401 401
    """,
    "/v1/key/{token}/projects/1/submission": """
                 adm mgr vwr col app lnk una non any
        GET    =  -   -   -   -  204 204 204  -   -
        POST   =  -   -   -   -  201 201 401  -   -
    """,
    "/v1/key/{token}/projects/1": """
                         adm mgr vwr col app lnk una non any
        GET    /formList  -   -   -   -  200 200 200  -   -
    """,
    "/v1/test/{draft}/projects/1/forms/trial/draft/submission": """
                 adm mgr vwr col app lnk una non any
        GET    = 204 204 204 204 204 204 204 204 204
        POST   = 201 201 201 201 201 201 201 201 201
    """,
    "/v1/projects/1/forms/trial/draft": """
                                                               adm mgr vwr col app lnk una non any
        GET    =                                               200 200  -   -   -   -   -   -  401
        GET    .xml                                            200 200  -   -   -   -   -   -  401
        GET    /fields                                         200 200  -   -   -   -   -   -  401
        GET    .xlsx                                           404 404  -   -   -   -   -   -  401
        GET    .xls                                            404 404  -   -   -   -   -   -  401
        POST   =                                               200 200  -   -   -   -   -   -  401
        POST   /publish                                        200 200  -   -   -   -   -   -  401
        DELETE =                                               409 409  -   -   -   -   -   -  401
        GET    /submissions                                    200 200 200  -   -   -   -   -  401
        GET    /submissions.csv                                200 200 200  -   -   -   -   -  401
        POST   /submissions.csv                                200 200 200  -   -   -   -   -  401
        GET    /submissions.csv.zip                            200 200 200  -   -   -   -   -  401
        POST   /submissions.csv.zip                            200 200 200  -   -   -   -   -  401
        GET    /exports/none                                   404 404 404  -   -   -   -   -  401
        GET    .svc                                            200 200 200  -   -   -   -   -  401
        GET    .svc/$metadata                                  200 200 200  -   -   -   -   -  401
        GET    .svc/Submissions                                200 200 200  -   -   -   -   -  401
        POST   /submissions                                    200 200  -  200 200 200  -   -  401
        GET    /submissions/keys                               200 200 200  -   -   -   -   -  401
        GET    /submissions/submitters                         200 200 200  -   -   -   -   -  401
        GET    /submissions/one                                200 200 200  -   -   -   -   -  401
        GET    /submissions/one.xml                            200 200 200  -   -   -   -   -  401
        PUT    /submissions/one                                200 200  -  200 200 200  -   -  401
        GET    /submissions/one/versions                       200 200 200  -   -   -   -   -  401
        GET    /submissions/one/versions/one                   200 200 200  -   -   -   -   -  401
        GET    /submissions/one/versions/one.xml               200 200 200  -   -   -   -   -  401
        GET    /submissions/one/diffs                          200 200 200  -   -   -   -   -  401
        GET    /submissions/one/audits                         200 200 200  -   -   -   -   -  401
        GET    /submissions/one/attachments                    200 200 200  -   -   -   -   -  401
        GET    /submissions/one/attachments/p.jpg              200 200 200  -   -   -   -   -  401
        POST   /submissions/one/attachments/p.jpg              200 200  -   -   -   -   -   -  401
        POST   /submissions/one/attachments/p.jpg/uploads      200 200  -   -   -   -   -   -  401
        DELETE /submissions/one/attachments/p.jpg              200 200  -   -   -   -   -   -  401
        GET    /submissions/one/versions/one/attachments       200 200 200  -   -   -   -   -  401
        GET    /submissions/one/versions/one/attachments/p.jpg 200 200 200  -   -   -   -   -  401
        DELETE /submissions/one/versions/one/attachments/p.jpg 200 200  -   -   -   -   -   -  401
    """,
    # The token of an app user or a link in the path, which is here the actor's own token: those of
    # users are refused there, and nobody has one that is unknown.
    "/v1/key/{token}/projects/1/forms/simple": """
                                                            adm mgr vwr col app lnk una non any
        GET    =                                             -   -   -   -  200 200  -   -   -
        GET    .xml                                          -   -   -   -  200 200  -   -   -
        GET    /manifest                                     -   -   -   -  200 200  -   -   -
        GET    /submissions                                  -   -   -   -   -   -   -   -   -
        POST   /submissions                                  -   -   -   -  200 200  -   -   -
        GET    /submissions/one                              -   -   -   -   -   -   -   -   -
        GET    /submissions/one.xml                          -   -   -   -   -   -   -   -   -
        PUT    /submissions/one                              -   -   -   -  200 200  -   -   -
        GET    /submissions/one/attachments                  -   -   -   -   -   -   -   -   -
        GET    /submissions/one/attachments/p.jpg            -   -   -   -   -   -   -   -   -
        POST   /submissions/one/attachments/p.jpg            -   -   -   -   -   -   -   -   -
        POST   /submissions/{own}/attachments/p.jpg          -   -   -   -  200 200  -   -   -
        POST   /submissions/{own}/attachments/p.jpg/uploads  -   -   -   -  200 200  -   -   -
        POST   /submissions/{full}/attachments/p.jpg         -   -   -   -   -   -   -   -   -
    """,
    # Who has a draft's token tests it as nobody in particular; other credentials do not count.
    "/v1/test/{draft}/projects/1/forms/trial/draft": """
                                                               adm mgr vwr col app lnk una non any
        GET    /formList                                       200 200 200 200 200 200 200 200 200
        GET    /manifest                                       200 200 200 200 200 200 200 200 200
        GET    .xml                                            200 200 200 200 200 200 200 200 200
        GET    /submissions                                    200 200 200 200 200 200 200 200 200
        GET    /submissions.csv                                200 200 200 200 200 200 200 200 200
        POST   /submissions.csv                                200 200 200 200 200 200 200 200 200
        GET    /submissions.csv.zip                            200 200 200 200 200 200 200 200 200
        POST   /submissions.csv.zip                            200 200 200 200 200 200 200 200 200
        GET    /exports/none                                   404 404 404 404 404 404 404 404 404
        GET    .svc                                            200 200 200 200 200 200 200 200 200
        GET    .svc/$metadata                                  200 200 200 200 200 200 200 200 200
        GET    .svc/Submissions                                200 200 200 200 200 200 200 200 200
        POST   /submissions                                    200 200 200 200 200 200 200 200 200
        GET    /submissions/keys                               200 200 200 200 200 200 200 200 200
        GET    /submissions/submitters                         200 200 200 200 200 200 200 200 200
        GET    /submissions/one                                200 200 200 200 200 200 200 200 200
        GET    /submissions/one.xml                            200 200 200 200 200 200 200 200 200
        PUT    /submissions/one                                200 200 200 200 200 200 200 200 200
        GET    /submissions/one/versions                       200 200 200 200 200 200 200 200 200
        GET    /submissions/one/versions/one                   200 200 200 200 200 200 200 200 200
        GET    /submissions/one/versions/one.xml               200 200 200 200 200 200 200 200 200
        GET    /submissions/one/diffs                          200 200 200 200 200 200 200 200 200
        GET    /submissions/one/audits                         200 200 200 200 200 200 200 200 200
        GET    /submissions/one/attachments                    200 200 200 200 200 200 200 200 200
        GET    /submissions/one/attachments/p.jpg              200 200 200 200 200 200 200 200 200
        POST   /submissions/one/attachments/p.jpg              200 200 200 200 200 200 200 200 200
        POST   /submissions/one/attachments/p.jpg/uploads      200 200 200 200 200 200 200 200 200
        DELETE /submissions/one/attachments/p.jpg              200 200 200 200 200 200 200 200 200
        GET    /submissions/one/versions/one/attachments       200 200 200 200 200 200 200 200 200
        GET    /submissions/one/versions/one/attachments/p.jpg 200 200 200 200 200 200 200 200 200
        DELETE /submissions/one/versions/one/attachments/p.jpg 200 200 200 200 200 200 200 200 200
    """,
}
# What stands apart: sessions are everybody's own, a hook's link is for one file and whoever has it,
# KoBoToolbox's routes have a table of their own (kobo/test_rights), and what no route takes is
# nobody's.
APART = ("/v1/sessions", "/v1/hooks/{token}/", "/api/v2/", "/$default")

UNKNOWN = "a" * 64
SENDERS = ("alice", "bob", "colin", "app_user", "link")
# Some of each kind, where all of a kind must be told the same.
FEW = ("alice", "app_user", "unassigned", "chelsea", "nobody")
SOME = ("vera", "colin", *FEW)


@dataclass(frozen=True)
class Row:
    """An operation and what it answers to each actor."""

    method: str
    path: str
    cells: dict[str, int]

    def at(self, pattern: str, other: str) -> Row:
        """The same operation at another place."""
        return replace(self, path=re.sub(pattern, other, self.path, count=1))


def rows(place: str) -> list[Row]:
    """The rows below a path."""
    header, *lines = MATRIX[place].strip().splitlines()
    assert " ".join(header.split()) == "adm mgr vwr col app lnk una non any"
    return [_row(place, *line.split()) for line in lines]


def _row(place: str, method: str, rest: str, *cells: str) -> Row:
    statuses = [403 if cell == "-" else int(cell) for cell in cells]
    path = place if rest == "=" else f"{place}{rest}"
    return Row(method, path, dict(zip(ACTORS, statuses, strict=True)))


def places(part: str) -> Any:
    named = [place for place in MATRIX if part in place]
    return pytest.mark.parametrize("place", named)


# The calls that change nothing.
READING = {"BatchGetItem", "Query", "GetObject", "GetParameter"}
# What a request carries, by the function that it goes to.
BODIES: dict[str, Any] = {
    "users/create": {"email": "dana@example.org"},
    "users/update": {"displayName": "New"},
    "users/update_password": {"old": PASSWORD, "new": f"another {PASSWORD}"},
    "projects/create": {"name": "New"},
    "projects/update": {"name": "New"},
    "app_users/create": {"displayName": "New"},
    "public_links/create": {"displayName": "New"},
    "hooks/create": HOOK,
    "hooks/update": {"name": "New"},
    "hooks/preview": {"event": "submission.create", "xmlFormId": "simple", "instanceId": "one"},
    "forms/create": xform("new"),
    "forms/update": {"state": "closing"},
    "form_drafts/set": lambda xmlFormId, **_: xform(xmlFormId, "2"),  # noqa: N803
    "submissions/create": lambda xmlFormId, **_: xml("new", form=xmlFormId),  # noqa: N803
    "submissions/replace": lambda xmlFormId, instanceId, **_: xml(  # noqa: N803
        "new", form=xmlFormId, deprecated=instanceId, photo="p.jpg"
    ),
    "submissions/review": {"reviewState": "approved"},
    "comments/create": {"body": "Fine."},
    "openrosa/submit": lambda xmlFormId="simple", **_: multipart(xml("new", form=xmlFormId)),  # noqa: N803
    "projects/encrypt": {"passphrase": "open, sesame"},
    "submission_attachments/request_upload": {},
    "submission_attachments/upload": b"\xff\xd8\xff another",
}
HEADERS = {"form_drafts/set": {"content-type": "application/xml"}}


def everything(cast: Cast) -> None:
    """All actors, and all that they may try something with."""
    cast.form()
    for actor in ACTORS[:-1]:
        getattr(cast, actor)
    _forms(cast)
    _submissions(cast)
    _ = cast._person("spare", None)
    spare = cast.users["spare"]["id"]
    for place in ("", "/projects/1", "/projects/1/forms/simple"):
        done(cast.alice.post(f"/v1{place}/assignments/formfill/{spare}"))
    cast.users["hook"] = done(cast.alice.post(f"{cast.FORMS}/simple/hooks", HOOK)).json
    cast.users["project_hook"] = done(cast.alice.post("/v1/projects/1/hooks", HOOK)).json


def _forms(cast: Cast) -> None:
    """The forms besides `simple`, all assigned to the app user and the link; and a deleted one."""
    cast.form("lost")
    done(cast.alice.delete(f"{cast.FORMS}/lost"))
    (cast.users["lost"],) = done(cast.alice.get(f"{cast.FORMS}?deleted=true")).json
    cast.draft("trial")
    for form in ("closing", "closed", "trial"):
        if form != "trial":
            cast.form(form)
        for role, actor in (("app-user", "app_user"), ("pub-link", "link")):
            path = f"{cast.FORMS}/{form}/assignments/{role}/{cast.users[actor]['id']}"
            done(cast.alice.post(path))


def _submissions(cast: Cast) -> None:
    simple = cast.SUBMISSIONS
    for path in (simple, *(f"{cast.FORMS}/{form}/submissions" for form in ("closing", "closed"))):
        form = path.split("/")[-2]
        done(cast.alice.post(path, xml("one", photo="p.jpg", form=form)))
    done(cast.alice.post(f"{simple}/one/attachments/p.jpg", b"\xff\xd8\xff"))
    done(cast.submit("gone"))
    done(cast.alice.delete(f"{simple}/gone"))
    trial = f"{cast.FORMS}/trial/draft/submissions"
    done(cast.alice.post(trial, xml("one", photo="p.jpg", form="trial")))
    done(cast.alice.post(f"{trial}/one/attachments/p.jpg", b"\xff\xd8\xff"))
    for actor in SENDERS:
        who = getattr(cast, actor)
        for kind in ("own", "full", "edited"):
            done(cast.submit(f"{kind}-{actor}", by=who, photo="p.jpg"))
        done(who.post(f"{simple}/full-{actor}/attachments/p.jpg", b"\xff\xd8\xff"))
        edit = xml(f"later-{actor}", photo="p.jpg", deprecated=f"edited-{actor}")
        done(who.put(f"{simple}/edited-{actor}", edit))
    for form in ("closing", "closed"):
        done(cast.alice.patch(f"{cast.FORMS}/{form}", {"state": form}))


def done(answer: Answer) -> Answer:
    assert answer.status == 200, answer.text
    return answer


@pytest.fixture
def stage(aws, monkeypatch) -> Stage:
    return Stage(aws, monkeypatch)


class Trial:
    """The scene, in which each actor tries the same from the same state."""

    def __init__(self, stage: Stage, wire: Wire) -> None:
        self.stage, self.wire = stage, wire
        self.cast = stage.set(everything)
        self.state, self.files = stage.table(), stage.files()

    def run(self, row: Row, actors: tuple[str, ...] = ACTORS) -> dict[str, int]:
        """Let actors try an operation; give the statuses that they got."""
        return {actor: self.ask(actor, row.method, row.path) for actor in actors}

    def ask(self, actor: str, method: str, path: str) -> int:
        """Send a request as an actor; what is refused must not even try to change anything."""
        who: Api = self.cast.api if actor == "nobody" else getattr(self.cast, actor)
        path = path.format(**self._names(actor))
        event, function = event_for(method, path, {}, b"")
        body = BODIES.get(function)
        body = body(**event["pathParameters"]) if callable(body) else body
        devices = function.startswith("openrosa/")
        headers = OPENROSA if devices else HEADERS.get(function, {})
        before = len(self.wire.calls)
        answer = who.request(method, path, body, headers)
        if changed := set(self.wire.names[before:]) - READING:
            assert answer.status < 400, (method, path, actor, changed)
            self.stage.restore(self.state, self.files if "DeleteObject" in changed else None)
        if answer.status in (401, 403) and "json" in answer.headers["content-type"]:
            assert answer.json == (ANONYMOUS if answer.status == 401 else FORBIDDEN)
        return answer.status

    def _names(self, actor: str) -> dict[str, Any]:
        users = self.cast.users
        sender = actor if actor in SENDERS else "alice"
        return {
            **{name: users[name]["id"] for name in users},
            **{kind: f"{kind}-{sender}" for kind in ("own", "full", "edited", "later")},
            "draft": self.cast.drafts["trial"],
            "token": UNKNOWN if actor == "nobody" else self.cast.token(actor),
        }


@pytest.fixture
def trial(stage) -> Iterator[Trial]:
    with Wire() as wire:
        yield Trial(stage, wire)


def test_every_route_is_in_a_row():
    tried = [row for place in MATRIX for row in rows(place)]
    found = {event_for(row.method, row.path, {}, b"")[0]["routeKey"] for row in tried}
    wanted = {f"{method} {path}" for method, path, _ in routes() if not path.startswith(APART)}
    assert wanted - found == set(), "without a row"
    assert found <= wanted


@places("")
def test_each_may_do_what_the_table_says(trial, place):
    # Where credentials do not count, a few stand for all.
    actors = FEW if "/test/" in place else ACTORS
    for row in rows(place):
        assert trial.run(row, actors) == {actor: row.cells[actor] for actor in actors}, row


# The order of refusals: credentials (401), project and form (404), rights (403), the rest (404).


def somebody(row: Row) -> set[str]:
    """Who is somebody on a row's path."""
    if "/key/" in row.path:
        return {"app_user", "link", "unassigned"}
    return set(ACTORS if "/test/" in row.path else ACTORS[:-1])


def not_found(row: Row, actors: tuple[str, ...]) -> dict[str, int]:
    """What actors must be told where nothing is: 404, if they are somebody."""
    return {actor: 404 if actor in somebody(row) else row.cells[actor] for actor in actors}


@places("/projects/1")
def test_a_project_that_is_not_there_is_told_to_everybody_who_is_somebody(trial, place):
    for row in rows(place):
        elsewhere = row.at("/projects/1", "/projects/99")
        assert trial.run(elsewhere, FEW) == not_found(row, FEW), row


@places("/forms/")
def test_a_form_that_is_not_there_is_told_to_everybody_who_is_somebody(trial, place):
    for row in rows(place):
        elsewhere = row.at("/forms/[a-z]+", "/forms/nope")
        assert trial.run(elsewhere, FEW) == not_found(row, FEW), row


@places("/forms/")
def test_a_submission_that_is_not_there_is_told_to_those_alone_who_may_see_it(trial, place):
    for row in rows(place):
        if "/submissions/" not in row.path:
            continue
        elsewhere = row.at(r"/submissions/(\{\w+\}|[a-z]+)", "/submissions/none")
        cells = {actor: row.cells[actor] for actor in SOME}
        expected = {actor: 404 if cell < 400 else cell for actor, cell in cells.items()}
        if row.method == "POST" and "/attachments/" in row.path:
            # Whose file may be sent depends on the submission, so who sends any learns of it.
            expected |= {actor: 404 for actor in SENDERS if actor in somebody(row) & set(SOME)}
        assert trial.run(elsewhere, SOME) == expected, row
