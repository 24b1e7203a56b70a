"""Central's answers that nearly every route can give, whole."""

DONE = {"success": True}
ANONYMOUS = {"message": "Could not authenticate with the provided credentials.", "code": 401.2}
FORBIDDEN = {
    "message": "The authentication you provided does not have rights to perform that action.",
    "code": 403.1,
}
NOT_FOUND = {"message": "Could not find the resource you were looking for.", "code": 404.1}
