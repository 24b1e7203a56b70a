"""Assets: what KoBoToolbox calls a form, and names by a uid.

A form's uid is `a` and the base64 (of URLs, without padding) of `<projectId>/<xmlFormId>`. So it is
the same for ever, and leads to the form without a table of its own.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.kobo import paging
from sheaf.problems import NotFound
from sheaf.projects import projects

_PREFIX = "a"
_ORDERS = ("name", "uid", "date_created", "date_modified")
_NAMED = re.compile("([1-9][0-9]{0,9})/(.+)", re.DOTALL)


def uid(form: Form) -> str:
    """Give the uid of a form."""
    return named(form.project_id, form.xml_form_id)


def named(project_id: int, xml_form_id: str) -> str:
    """Give the uid of the form of that name."""
    return _PREFIX + urlsafe_b64encode(f"{project_id}/{xml_form_id}".encode()).decode().rstrip("=")


def place(asset_uid: str) -> dict[str, str]:
    """Give the variables of the path at which the form of a uid is found.

    Raises:
        NotFound: it is no uid.
    """
    coded = asset_uid.removeprefix(_PREFIX)
    try:
        name = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except ValueError:
        raise NotFound from None
    found = _NAMED.fullmatch(name)
    if found is None or not asset_uid.startswith(_PREFIX) or int(found[1]) >= 2**31:
        raise NotFound
    return {"projectId": found[1], "xmlFormId": found[2]}


def lookup(asset_uid: str) -> Lookup[Form]:
    """Find the form of a uid.

    Raises:
        NotFound: there is none.
    """
    return (yield from forms.lookup(place(asset_uid)))


def page(auth: Auth, query: Mapping[str, str], origin: str) -> dict[str, Any]:
    """List the published forms whose submissions one may see, in pages, for tools to choose from.

    All are surveys, so who asks for another type (`asset_type`, or in `q`) is given none. What else
    `q` says does not count. `ordering` sorts them, with `-` before it backwards.
    """
    listed = [
        shown(form, origin)
        for project in projects.list_for(auth)
        for form in forms.list_for(project, auth)
        if form.version is not None and auth.can("submission.list", form)
    ]
    chosen = [asset for asset in listed if _fits(asset, query)]
    order = query.get("ordering", "")
    if (name := order.removeprefix("-")) in _ORDERS:
        chosen.sort(key=lambda asset: str(asset[name]).lower(), reverse=order.startswith("-"))
    return paging.page(chosen, query, f"{origin}/api/v2/assets/")


def _fits(asset: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    types = [word for word in query.get("q", "").split() if word.startswith("asset_type:")]
    types += [f"asset_type:{query['asset_type']}"] if "asset_type" in query else []
    return all(each == f"asset_type:{asset['asset_type']}" for each in types)


def url(asset_uid: str, origin: str) -> str:
    """Give where an asset is found."""
    return f"{origin}/api/v2/assets/{asset_uid}/"


def shown(form: Form, origin: str) -> dict[str, Any]:
    """Give a form as KoBoToolbox shows an asset."""
    asset_uid = uid(form)
    return {
        "url": url(asset_uid, origin),
        "uid": asset_uid,
        "name": form.name or form.xml_form_id,
        "asset_type": "survey",
        "date_created": clock.iso(form.created_at),
        "date_modified": clock.iso(form.updated_at or form.created_at),
        "has_deployment": True,
        "deployment__active": form.accepting,
        "data": f"{url(asset_uid, origin)}data/",
        "hooks": f"{url(asset_uid, origin)}hooks/",
    }


def deployment(form: Form, origin: str) -> dict[str, Any]:
    """Tell of what KoBoToolbox calls the deployment of a form: its published version."""
    asset = shown(form, origin)
    return {
        "backend": "openrosa",
        "identifier": f"{origin}/v1/projects/{form.project_id}/forms/{quote(form.xml_form_id)}",
        "active": form.accepting,
        "version_id": form.version,
        "asset": asset,
    }
