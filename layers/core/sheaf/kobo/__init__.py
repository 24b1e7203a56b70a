"""KoBoToolbox's API for REST services and validation statuses, as a thin layer over hooks.

Tools that know KoBoToolbox (n8n, OpenFn, Make) connect here as they do there. Nothing is stored for
it, and whatever it does is done by the modules that the rest of the API uses.
"""
