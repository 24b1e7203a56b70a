"""The HTTP API's routes: read from its OpenAPI body, created one by one.

The emulator ignores the Body of AWS::ApiGatewayV2::Api, and 300 routes with their integrations as
resources would break CloudFormation's limit of 500; so the launcher makes them by API calls.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_ANY_METHOD = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_CORS = "x-amazon-apigateway-cors"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", _ANY_METHOD}


class RouteError(ValueError):
    """The OpenAPI body says something that API Gateway would refuse."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route key, like `GET /v1/projects/{projectId}`, and the function that it leads to."""

    key: str
    function: str


def take(template: Json) -> dict[str, list[Route]]:
    """Take the Body out of every HTTP API of the template and list its routes, by logical id."""
    taken = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            properties = resource["Properties"]
            body = properties.pop("Body")
            properties.pop("FailOnWarnings", None)
            properties.setdefault("Name", body.get("info", {}).get("title", name))
            properties["ProtocolType"] = "HTTP"
            if _CORS in body:
                properties["CorsConfiguration"] = _cors(body[_CORS])
            taken[name] = _routes(body)
    return taken


def create(api: Any, api_id: str, wanted: list[Route], arns: dict[str, str]) -> None:
    """Make the API's routes those of `wanted`, by calls of the apigatewayv2 client `api`.

    Args:
        api: The boto3 client.
        api_id: The physical id of the HTTP API.
        wanted: All routes.
        arns: The ARN of each function, by logical id.
    """
    with ThreadPoolExecutor(8) as pool:
        old = api.get_paginator("get_routes").paginate(ApiId=api_id)
        ids = [route["RouteId"] for page in old for route in page["Items"]]
        list(pool.map(lambda i: api.delete_route(ApiId=api_id, RouteId=i), ids))
        old = api.get_paginator("get_integrations").paginate(ApiId=api_id)
        ids = [item["IntegrationId"] for page in old for item in page["Items"]]
        list(pool.map(lambda i: api.delete_integration(ApiId=api_id, IntegrationId=i), ids))
        functions = sorted({route.function for route in wanted})
        made = pool.map(lambda f: _create_integration(api, api_id, arns[f]), functions)
        targets = dict(zip(functions, made, strict=True))
        list(pool.map(lambda r: _create_route(api, api_id, r.key, targets[r.function]), wanted))


def _create_integration(api: Any, api_id: str, arn: str) -> str:
    made = api.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion="2.0",
    )
    return str(made["IntegrationId"])


def _create_route(api: Any, api_id: str, key: str, integration: str) -> None:
    api.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration}")


def _routes(body: Json) -> list[Route]:
    return [
        Route(_key(path, method), _function(_resolve(body, operation[_INTEGRATION])))
        for path, operations in body.get("paths", {}).items()
        for method, operation in operations.items()
        if method in _METHODS
    ]


def _key(path: str, method: str) -> str:
    if path in ("$default", "/$default"):
        return "$default"
    for part in path.strip("/").split("/"):
        # API Gateway refuses a variable with a prefix or a suffix (serverless/serverless#10423).
        if not re.fullmatch(r"[^{}]*|\{[A-Za-z0-9_.-]+\+?\}", part):
            raise RouteError(f"{path}: the part {part!r} is neither a literal nor one variable.")
    return f"{'ANY' if method == _ANY_METHOD else method.upper()} {path}"


def _resolve(body: Json, node: Json) -> Json:
    """Follow a `$ref` within the document."""
    while "$ref" in node:
        found: Any = body
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _function(integration: Json) -> str:
    uri = json.dumps(integration["uri"])
    found = re.search(r'\$\{(\w+)\.Arn\}|"Fn::GetAtt": \[?"(\w+)[."]', uri)
    if not found:
        raise RouteError(f"No function in the integration {uri}.")
    return found.group(1) or found.group(2)


def _cors(cors: Json) -> Json:
    """Turn the OpenAPI extension (camel case) into the resource's property (Pascal case)."""
    return {name[0].upper() + name[1:]: value for name, value in cors.items()}
