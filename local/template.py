"""From template.yaml to what the emulator can create: plain CloudFormation beside a list of routes.

The SAM transform is the real one (aws-sam-translator). What the emulator cannot do is taken out
here and done by `local.deploy` instead: the HTTP API's OpenAPI body and the table's time to live.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import routes
from local.emulator import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every function and layer is created with this object as its code: the function host serves the
# real code, so the emulator never opens it.
CODE_BUCKET = "local-code"
CODE_KEY = "stub.zip"
_CODE = f"s3://{CODE_BUCKET}/{CODE_KEY}"
_CACHED = 8
_UNKNOWN = {"AWS::Events::Archive"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the template: where its code lies and which role it runs under."""

    logical_id: str
    code: str
    handler: str
    role: str


@dataclass(frozen=True, slots=True)
class Application:
    """A template made ready: `template` for CloudFormation, the rest for the launcher."""

    template: Json
    functions: dict[str, Function]
    layers: list[str]
    routes: dict[str, list[routes.Route]]
    ttl: dict[str, Json]
    parameters: dict[str, str]


def load(path: Path, parameters: dict[str, str], cache: Path | None = None) -> Application:
    """Transform the template at `path`, or take the result for the same content from `cache`.

    `parameters` that the template does not declare are left out.
    """
    if cache is None:
        return _build(path, parameters)
    kept = cache / f"template-{_digest(path, parameters)}.json"
    # Other stacks may share the cache: whatever is missing is made, whatever is written is whole.
    with contextlib.suppress(FileNotFoundError):
        return _from_json(json.loads(kept.read_text()))
    application = _build(path, parameters)
    cache.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(asdict(application)))
    partial.replace(kept)
    _forget_oldest(cache)
    return application


def _forget_oldest(cache: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        found = sorted(cache.glob("template-*.json"), key=lambda kept: kept.stat().st_mtime)
        for kept in found[:-_CACHED]:
            kept.unlink()


def sources(path: Path) -> list[Path]:
    """List the files that the template consists of: itself and the YAML beside it."""
    return sorted({path, *path.parent.glob("*.yaml")})


def _digest(path: Path, parameters: dict[str, str]) -> str:
    digest = hashlib.sha256(version("aws-sam-translator").encode())
    own_code = [Path(__file__), Path(routes.__file__)]
    for source in [*sources(path), *own_code]:
        digest.update(source.read_bytes())
    digest.update(json.dumps([str(path), parameters], sort_keys=True).encode())
    return digest.hexdigest()[:24]


def _from_json(kept: Json) -> Application:
    kept["functions"] = {name: Function(**f) for name, f in kept["functions"].items()}
    kept["routes"] = {api: [routes.Route(**r) for r in rs] for api, rs in kept["routes"].items()}
    return Application(**kept)


def _build(path: Path, parameters: dict[str, str]) -> Application:
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    source = _include(yaml_parse(path.read_text()), path.parent)
    declared = source.get("Parameters", {})
    values = {name: value for name, value in parameters.items() if name in declared}
    code = _functions(source, path.parent)
    layers = _layers(source, path.parent)
    known = {name: str(p["Default"]) for name, p in declared.items() if "Default" in p}
    with _region():
        template = json.loads(json.dumps(transform(source, known | values, _NoPolicies())))
    _allow_plain_http(template)
    _spell_out_batches(template)
    _drop_unknown(template)
    return Application(
        template=template,
        functions={name: _with_role(template, *found) for name, found in code.items()},
        layers=layers,
        routes=routes.take(template),
        ttl=_take_ttl(template),
        parameters=values,
    )


@contextlib.contextmanager
def _region() -> Iterator[None]:
    """Name a region for the translator, which asks boto3's default session for it."""
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = REGION
    try:
        yield
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before


class _NoPolicies:
    """Managed policy names stay as they are: nothing here looks them up in AWS."""

    def load(self) -> Json:
        return {}


def _include(node: Any, folder: Path) -> Any:
    """Put the files of AWS::Include in place, as CloudFormation does on upload."""
    from samtranslator.yaml_helper import yaml_parse

    if isinstance(node, list):
        return [_include(item, folder) for item in node]
    if not isinstance(node, dict):
        return node
    if (macro := node.get("Fn::Transform")) and macro.get("Name") == "AWS::Include":
        included = yaml_parse((folder / macro["Parameters"]["Location"]).read_text())
        rest = {key: value for key, value in node.items() if key != "Fn::Transform"}
        return _include(included | rest, folder)
    return {key: _include(value, folder) for key, value in node.items()}


def _functions(source: Json, folder: Path) -> dict[str, tuple[str, str, str]]:
    """Find the functions' code, and put the stub in its place."""
    shared = source.get("Globals", {}).get("Function", {})
    found = {}
    for name, resource in source["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource.setdefault("Properties", {})
            code = folder / properties.get("CodeUri", shared.get("CodeUri", "."))
            handler = properties.get("Handler", shared.get("Handler", "app.handler"))
            found[name] = (name, str(code.resolve()), handler)
            properties["CodeUri"] = _CODE
    return found


def _layers(source: Json, folder: Path) -> list[str]:
    """Find the layers' code, and put the stub in its place."""
    found = []
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            code = (folder / resource["Properties"]["ContentUri"]).resolve()
            found.append(str(code / "python" if (code / "python").is_dir() else code))
            resource["Properties"]["ContentUri"] = _CODE
    return found


def _with_role(template: Json, name: str, code: str, handler: str) -> Function:
    role = template["Resources"][name]["Properties"]["Role"]
    owner = role["Fn::GetAtt"][0] if isinstance(role, dict) else str(role)
    return Function(name, code, handler, owner)


def _allow_plain_http(template: Json) -> None:
    """Take out the policies that ask for TLS: the emulator listens on 127.0.0.1 without it."""
    for resource in template["Resources"].values():
        policy = resource.get("Properties", {}).get("PolicyDocument", {})
        if "Statement" in policy and resource["Type"] != "AWS::IAM::ManagedPolicy":
            policy["Statement"] = [
                statement
                for statement in policy["Statement"]
                if "aws:SecureTransport" not in json.dumps(statement)
            ]
    empty = [
        name
        for name, resource in template["Resources"].items()
        if resource.get("Properties", {}).get("PolicyDocument", {}).get("Statement") == []
    ]
    for name in empty:
        del template["Resources"][name]


def _spell_out_batches(template: Json) -> None:
    """Let whoever may send a message send ten: to IAM they are one action, to the emulator two."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        policies = [properties, *properties.get("Policies", [])]
        for policy in policies if resource["Type"].startswith("AWS::IAM::") else []:
            for statement in policy.get("PolicyDocument", {}).get("Statement", []):
                actions = statement["Action"]
                listed = actions if isinstance(actions, list) else [actions]
                if "sqs:SendMessage" in listed:
                    statement["Action"] = [*listed, "sqs:SendMessageBatch"]


def _drop_unknown(template: Json) -> None:
    """Take out the resources that the emulator refuses and nothing local works with."""
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] in _UNKNOWN:
            del template["Resources"][name]


def _take_ttl(template: Json) -> dict[str, Json]:
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            ttl = resource["Properties"].pop("TimeToLiveSpecification", None)
            if ttl:
                found[name] = ttl
    return found
