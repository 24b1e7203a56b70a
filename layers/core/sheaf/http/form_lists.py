"""What devices are told of forms: OpenRosa's list of forms, and a form's manifest of media."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from sheaf.forms.forms import Draft
from sheaf.forms.views import View
from sheaf.http.endpoint import escaped
from sheaf.http.request import Request
from sheaf.http.response import Response

_XML = "text/xml; charset=utf-8"
# What encodeURIComponent leaves as it is.
_UNCODED = "!'()*~"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def form_list(request: Request, views: Iterable[View]) -> Response:
    """Give a list of forms, each with where to download it, by the token that asks for it."""
    place = request.origin + _project(request)
    forms = "".join(_xform(place, view) for view in views)
    namespace = "http://openrosa.org/xforms/xformsList"
    body = f'{_HEAD}  <xforms xmlns="{namespace}">\n{forms}  </xforms>'
    return Response(body.encode(), _XML)


def manifest() -> Response:
    """Give the media that a form needs: none, since forms are kept without any."""
    namespace = "http://openrosa.org/xforms/xformsManifest"
    return Response(f'{_HEAD}  <manifest xmlns="{namespace}">\n  </manifest>'.encode(), _XML)


def _xform(place: str, view: View) -> str:
    form, shown = view.form, view.shown
    draft = "/draft" if isinstance(shown, Draft) else ""
    url = f"{place}/forms/{quote(form.xml_form_id, safe=_UNCODED)}{draft}.xml"
    return (
        "    <xform>\n"
        f"      <formID>{escaped(form.xml_form_id)}</formID>\n"
        f"      <name>{escaped(shown.name or form.xml_form_id)}</name>\n"
        f"      <version>{escaped(shown.version or '')}</version>\n"
        f"      <hash>md5:{shown.md5}</hash>\n"
        f"      <downloadUrl>{url}</downloadUrl>\n"
        "    </xform>\n"
    )


def _project(request: Request) -> str:
    """Give the path of the project, behind the token that was used if there was one."""
    _, _, rest = request.route.partition("/v1/")
    means = rest.partition("/")[0]
    token = request.path.get("token")
    if token is None and "st" in request.query:
        means, token = "key", request.query["st"]
    prefix = "" if token is None else f"/{means}/{quote(token, safe='!$')}"
    return f"/v1{prefix}/projects/{quote(request.path['projectId'])}"
