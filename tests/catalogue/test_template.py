"""The template, the map of routes and the folders agree, and the stack is as safe as it claims."""

import ast
import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from sheaf.hooks import deliveries, notices

ROOT = Path(__file__).parents[2]
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
API = yaml.safe_load((ROOT / "openapi.yaml").read_text())
RESOURCES = TEMPLATE["Resources"]
PARAMETERS = TEMPLATE["Parameters"]
GLOBALS = TEMPLATE["Globals"]["Function"]
INTEGRATIONS = API["components"]["x-amazon-apigateway-integrations"]
ANY = "x-amazon-apigateway-any-method"
METHODS = {"POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete", "GET": ANY}

# What a role of a GET route may do; it writes answers too large for Lambda, and nothing else.
READING = {
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:ListBucket",
    "ssm:GetParameter",
}
# How they leave what is too large for an answer, in parts if need be.
SPILLING = READING | {"s3:ListMultipartUploadParts", "s3:PutObject"}
# What roles of GET routes do besides: who takes all data out is audited, as in Central, and what
# outgrows a request is left to a worker.
BESIDES = {"ExportRole": {"dynamodb:PutItem", "sqs:SendMessage"}}
EVENTS = {
    "submission.create",
    "submission.update.version",
    "submission.update",
    "submission.attachment.update",
    "submission.attachments.complete",
    "comment.create",
    "submission.delete",
    "submission.restore",
    "submission.purge",
    "form.update.publish",
}
# What WorkersPublish makes of a row that it cannot read.
UNREADABLE = "event.unreadable"
# Where other events go than to the hooks.
ELSEWHERE = {
    UNREADABLE: "EventFailures",
    "project.encrypt": "WorkersEncrypt",
    "hook.job": "WorkersJobs",
    "hook.failing": "WorkersNotify",
    "hook.disable": "WorkersNotify",
}


def of(kind):
    return {name: each for name, each in RESOURCES.items() if each["Type"] == kind}


FUNCTIONS = {name: each["Properties"] for name, each in of("AWS::Serverless::Function").items()}
ROLES = {name: each["Properties"] for name, each in of("AWS::IAM::Role").items()}
QUEUES = {name: each["Properties"] for name, each in of("AWS::SQS::Queue").items()}
ALARMS = of("AWS::CloudWatch::Alarm")
RULES = {name: each["Properties"] for name, each in of("AWS::Events::Rule").items()}
WORKERS = {name for name in FUNCTIONS if name.startswith("Workers")}


def listed(value):
    return value if isinstance(value, list) else [value]


def operations():
    """Every (path, method, function) of the map."""
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            reference = operation["x-amazon-apigateway-integration"]["$ref"]
            yield (
                path,
                method,
                reference.removeprefix("#/components/x-amazon-apigateway-integrations/"),
            )


def statements(role):
    """All statements of a role: of the policies it names, and its own."""
    named = [RESOURCES[each["Ref"]]["Properties"] for each in role.get("ManagedPolicyArns", [])]
    documents = [each["PolicyDocument"] for each in [*named, *role.get("Policies", [])]]
    return list(chain.from_iterable(each["Statement"] for each in documents))


def actions(role):
    return set(chain.from_iterable(listed(each["Action"]) for each in statements(role)))


def role_of(function):
    return FUNCTIONS[function]["Role"]["Fn::GetAtt"][0]


def references(node):
    """All names that !Ref, !GetAtt and !Sub mention in a part of the template."""
    if isinstance(node, list):
        return set(chain.from_iterable(map(references, node)))
    if not isinstance(node, dict):
        return set()
    found = set()
    for key, value in node.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value[0])
        elif key == "Fn::Sub":
            text = value if isinstance(value, str) else value[0]
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([\w.:]+)\}", text)}
        else:
            found |= references(value)
    return found


# --- folders, functions, routes ---------------------------------------------------------------


def test_every_folder_is_a_function_and_every_function_a_folder():
    folders = {f"functions/{p.parent.relative_to(ROOT / 'functions')}/" for p in handlers()}
    assert {each["CodeUri"] for each in FUNCTIONS.values()} == folders


def handlers():
    return sorted((ROOT / "functions").glob("*/*/app.py"))


def test_a_function_is_named_after_its_folder():
    for name, function in FUNCTIONS.items():
        words = re.split("[/_]", function["CodeUri"].removeprefix("functions/").strip("/"))
        assert name == "".join(word.capitalize() for word in words)


def test_functions_stand_in_the_order_of_their_groups():
    groups = list(dict.fromkeys(each["CodeUri"].split("/")[1] for each in FUNCTIONS.values()))
    in_map = list(dict.fromkeys(FUNCTIONS[name]["CodeUri"].split("/")[1] for name in INTEGRATIONS))
    assert groups == [*in_map, "workers"]


def test_every_function_but_the_workers_answers_a_route():
    assert set(INTEGRATIONS) == set(FUNCTIONS) - WORKERS
    assert {function for _, _, function in operations()} == set(INTEGRATIONS)


def test_an_integration_leads_to_the_function_it_is_named_after():
    for name, integration in INTEGRATIONS.items():
        assert integration == {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "payloadFormatVersion": "2.0",
            "timeoutInMillis": 30000,
            "credentials": {"Fn::GetAtt": ["ApiRole", "Arn"]},
            "uri": {
                "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31"
                f"/functions/${{{name}.Arn}}/invocations"
            },
        }


def test_a_path_part_is_a_literal_or_exactly_one_variable():
    # The emulator, too, knows a greedy variable by this name.
    part = re.compile(r"[A-Za-z0-9._-]+|\{[A-Za-z]+\}|\{proxy\+\}")
    for path in set(API["paths"]) - {"/$default"}:
        assert path.startswith("/")
        assert all(part.fullmatch(each) for each in path[1:].split("/")), path


def test_methods_are_those_that_http_apis_know_and_get_answers_head_too():
    for path, method, _ in operations():
        # Where greedy routes of several methods lie at several levels, one for any method would
        # take from the level above it what only that one serves.
        known = {_method(name, path) for name in METHODS}
        assert method in known | ({ANY} if path == "/$default" else set()), path
    assert API["paths"]["/$default"][ANY]["isDefaultRoute"] is True


def test_the_map_fits_an_http_api():
    assert len(list(operations())) <= 300
    assert len(INTEGRATIONS) <= 300


def test_a_function_with_several_routes_serves_the_same_thing_in_several_places():
    for name in INTEGRATIONS:
        routes = [(path, method) for path, method, function in operations() if function == name]
        ends = {re.split(r"(?<=\})/(?=[a-z])", path)[-1].removeprefix("/v1/") for path, _ in routes}
        ends = {re.sub(r"\.(xml|xlsx?)$", "", end.removeprefix("draft/")) for end in ends}
        # A feed is all that lies below `<form>.svc` or `draft.svc`, and that itself.
        ends = {"feed" if ".svc" in end or "{proxy+}" in end else end for end in ends}
        assert len(ends) == 1, routes
        assert len({method for _, method in routes}) == 1, routes


def _method(method, path):
    """How the map names a method: KoBoToolbox's greedy routes have no HEAD."""
    return method.lower() if path.startswith("/api/v2/") else METHODS[method]


def test_a_handlers_docstring_begins_with_its_route():
    routes = {(path, method): function for path, method, function in operations()}
    by_folder = {each["CodeUri"]: name for name, each in FUNCTIONS.items()}
    for file in handlers():
        name = by_folder[f"functions/{file.parent.relative_to(ROOT / 'functions')}/"]
        first = (ast.get_docstring(ast.parse(file.read_text())) or "").split("\n")[0]
        if name in WORKERS:
            assert first, file
            continue
        said = re.fullmatch(r"(?:([A-Z]+) (/\S+)|(\$default)): .+", first)
        assert said, f"{file}: {first!r}"
        method, path, default = said.groups()
        key = ("/$default", ANY) if default else (path, _method(method, path))
        assert routes.get(key) == name, first


# --- the whole --------------------------------------------------------------------------------


def expanded():
    """The template as CloudFormation gets it, after the SAM transform."""

    class NoPolicies:
        def load(self):
            return {}

    template = yaml_parse((ROOT / "template.yaml").read_text())
    template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"] = json.loads(json.dumps(API))
    for each in template["Resources"].values():
        for code in {"CodeUri", "ContentUri"} & set(each.get("Properties", ())):
            each["Properties"][code] = "s3://bucket/key"
    values = {name: str(each["Default"]) for name, each in PARAMETERS.items()}
    return transform(template, values, NoPolicies())


def test_the_stack_stays_far_from_cloudformations_limits():
    template = expanded()
    assert len(template["Resources"]) < 450
    assert len(json.dumps(template)) < 1_000_000
    assert len(PARAMETERS) <= 200
    permissions = [e for e in template["Resources"].values() if "Permission" in e["Type"]]
    assert len(permissions) <= 9, "the API's functions need none: see ApiRole"


def test_no_function_of_the_api_needs_the_api_to_exist():
    routed = {name: each for name, each in FUNCTIONS.items() if name not in WORKERS}
    assert "HttpApi" not in references(TEMPLATE["Globals"]) | references(routed)


def test_every_name_that_is_referred_to_exists():
    made = {"HttpApiApiGatewayDefaultStage", "WorkersPurgeDaily"}
    known = set(RESOURCES) | set(PARAMETERS) | made
    named = {e for e in references([RESOURCES, TEMPLATE["Outputs"]]) if not e.startswith("AWS::")}
    assert named <= known


def test_every_parameter_is_used_and_described():
    used = references([RESOURCES, TEMPLATE["Globals"], TEMPLATE["Conditions"]])
    assert set(PARAMETERS) == used & set(PARAMETERS)
    assert all(each["Description"] and "Default" in each for each in PARAMETERS.values())
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(chain.from_iterable(g["Parameters"] for g in groups)) == sorted(PARAMETERS)


def test_parameters_are_explained_to_who_deploys():
    page = (ROOT / "docs" / "deploy.md").read_text()
    for name, each in PARAMETERS.items():
        default = str(each["Default"])
        row = rf"\| `{name}` \| {'`' + re.escape(default) + '`' if default else 'empty'} \|"
        assert re.search(row, page), name


def test_the_environments_of_samconfig_set_parameters_that_exist():
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    del environments["version"]
    assert {"default", "staging", "production"} < set(environments)
    names = [each["global"]["parameters"]["stack_name"] for each in environments.values()]
    assert len(set(names)) == len(names)
    for each in environments.values():
        assert each["validate"]["parameters"] == {"lint": True}
        for override in each["deploy"]["parameters"]["parameter_overrides"]:
            name, value = override.split("=", 1)
            assert value in map(str, PARAMETERS[name].get("AllowedValues", [value])), override
            assert re.search(PARAMETERS[name].get("AllowedPattern", ""), value), override


def test_outputs_tell_how_to_connect():
    expected = {"ApiUrl", "ApiId", "TableName", "BucketName", "BusName", "DeliveryQueueUrl"}
    assert expected | {"AdminEmail", "AdminPasswordParameter"} <= set(TEMPLATE["Outputs"])


# --- functions --------------------------------------------------------------------------------


def test_functions_share_what_is_common():
    assert GLOBALS["Handler"] == "app.handler"
    assert GLOBALS["Tags"] == {"Stack": {"Ref": "AWS::StackName"}}
    assert GLOBALS["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionLogs"}
    assert set(GLOBALS["Environment"]["Variables"]) == {
        "TABLE_NAME", "BUCKET_NAME", "BUS_NAME", "DELIVERY_QUEUE_URL", "DELIVERY_FAILURES_URL",
        "EXPORT_QUEUE_URL", "NOTICE_TOPIC", "LOG_LEVEL", "ORIGIN", "RETENTION_DAYS",
        "HOOK_TARGETS", "SECRETS_PREFIX",
    }  # fmt: skip
    for name, function in FUNCTIONS.items():
        assert RESOURCES[name]["Metadata"] == {"SkipBuild": True}, name
        assert not {"Tags", "LoggingConfig", "FunctionName"} & set(function), name
    own = {name: each["Environment"] for name, each in FUNCTIONS.items() if "Environment" in each}
    names = {name: set(each["Variables"]) for name, each in own.items()}
    assert names == {
        **{key: {"ORIGIN"} for key in ("WorkersMatch", "WorkersDeliver", "WorkersJobs")},
    }


def test_a_route_answers_within_the_apis_timeout():
    assert GLOBALS["Timeout"] <= 30
    assert not [name for name in set(FUNCTIONS) - WORKERS if "Timeout" in FUNCTIONS[name]]


def test_the_layer_is_built_for_the_runtime_and_architecture_of_the_functions():
    makefile = (ROOT / "layers/core/Makefile").read_text()
    said = dict(re.findall(r"^(LAYER_\w+) \?= (\S+)$", makefile, re.MULTILINE))
    assert f"python{said['LAYER_PYTHON']}" == PARAMETERS["LambdaRuntime"]["Default"]
    assert [said["LAYER_ARCHITECTURE"]] == GLOBALS["Architectures"]
    layer = RESOURCES["CoreLayer"]["Properties"]
    assert layer["CompatibleArchitectures"] == GLOBALS["Architectures"]
    assert layer["CompatibleRuntimes"] == [{"Ref": "LambdaRuntime"}]


def test_the_layer_describes_every_service_that_is_called():
    makefile = (ROOT / "layers/core/Makefile").read_text()
    shipped = set(re.search(r"^services := (.+)$", makefile, re.MULTILINE)[1].split())
    code = chain((ROOT / "layers/core/sheaf").rglob("*.py"), handlers())
    called = set(re.findall(r'aws\.client\("(\w+)"\)', "".join(p.read_text() for p in code)))
    assert called | {"dynamodb"} <= shipped


# --- rights -----------------------------------------------------------------------------------


def test_every_function_has_one_of_the_roles_and_every_role_a_function():
    assert {role_of(name) for name in FUNCTIONS} | {"ApiRole"} == set(ROLES)
    assert len(ROLES) <= 24, "an account has 1,000 roles for all its stacks"


def test_every_capability_is_given_to_a_role():
    given = chain.from_iterable(each.get("ManagedPolicyArns", []) for each in ROLES.values())
    assert {each["Ref"] for each in given} == set(of("AWS::IAM::ManagedPolicy"))


@pytest.mark.parametrize("name", ROLES)
def test_a_role_allows_named_actions_on_named_resources(name):
    for statement in statements(ROLES[name]):
        assert statement["Effect"] == "Allow"
        assert not [each for each in listed(statement["Action"]) if "*" in each]
        assert "dynamodb:Scan" not in listed(statement["Action"])
        for resource in listed(statement["Resource"]):
            assert references(resource) - {"AWS::Partition"}, "neither * nor a foreign resource"


def test_get_routes_cannot_write():
    readers = {role_of(function) for _, method, function in operations() if method == ANY}
    for name in readers:
        for statement in statements(ROLES[name]):
            spill = statement["Resource"] == {"Fn::Sub": "${Bucket.Arn}/responses/*"}
            allowed = SPILLING if spill else READING
            assert set(listed(statement["Action"])) <= allowed | BESIDES.get(name, set()), name


def test_who_reads_files_is_told_when_one_is_gone():
    """To who may not list a bucket, S3 says of a key that is not there: AccessDenied."""
    policy = RESOURCES["ReadBlobs"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = {each["Action"]: each["Resource"] for each in policy}
    assert allowed["s3:ListBucket"] == {"Fn::GetAtt": ["Bucket", "Arn"]}


def test_only_api_gateway_lambda_and_no_other_account_take_the_roles():
    for name, role in ROLES.items():
        service = "apigateway" if name == "ApiRole" else "lambda"
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_the_api_invokes_the_functions_of_its_own_stack_alone():
    [statement] = statements(ROLES["ApiRole"])
    assert statement["Action"] == "lambda:InvokeFunction"
    own = {"StringEquals": {"aws:ResourceTag/Stack": {"Ref": "AWS::StackName"}}}
    assert statement["Condition"] == own


# --- data -------------------------------------------------------------------------------------


def test_the_table_survives_mistakes():
    table = RESOURCES["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert PARAMETERS["DeletionProtection"]["Default"] == "true"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    [index] = properties["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_bucket_is_private_encrypted_and_cleans_up():
    bucket = RESOURCES["Bucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["BucketEncryption"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert rules["noncurrent"]["NoncurrentVersionExpiration"]
    assert rules["multipart"]["AbortIncompleteMultipartUpload"]
    days = {name: rules[name]["ExpirationInDays"] for name in ("responses", "exports", "uploads")}
    assert days == {"responses": 1, "exports": 1, "uploads": 2}
    assert all(rules[name]["Prefix"] == f"{name}/" for name in days)


def test_the_bucket_and_the_queues_take_tls_only():
    policies = [*of("AWS::S3::BucketPolicy").values(), *of("AWS::SQS::QueuePolicy").values()]
    guarded = set()
    for policy in (each["Properties"] for each in policies):
        [deny] = [e for e in policy["PolicyDocument"]["Statement"] if e["Effect"] == "Deny"]
        assert deny["Principal"] == "*"
        assert deny["Action"] in ("s3:*", "sqs:*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        guarded |= references(policy.get("Queues", policy.get("Bucket"))) & references(deny)
    assert guarded == {"Bucket", *QUEUES}


# --- events -----------------------------------------------------------------------------------


def test_there_is_one_rule_for_each_type_of_event():
    patterns = [each["EventPattern"] for each in RULES.values()]
    assert {each["detail-type"][0] for each in patterns} == EVENTS | set(ELSEWHERE)
    assert all(
        each == {"source": ["sheaf"], "detail-type": each["detail-type"]} for each in patterns
    )
    assert len(patterns) == len(EVENTS | set(ELSEWHERE))
    for name, rule in RULES.items():
        [event] = rule["EventPattern"]["detail-type"]
        assert name == "".join(word.capitalize() for word in event.split(".")) + "Rule"
        assert rule["EventBusName"] == {"Ref": "Bus"}


def test_a_rule_retries_for_a_while_and_then_keeps_what_it_could_not_deliver():
    for rule in RULES.values():
        [target] = rule["Targets"]
        [event] = rule["EventPattern"]["detail-type"]
        to = ELSEWHERE.get(event, "WorkersMatch")
        assert target["Arn"] == {"Fn::GetAtt": [to, "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["EventFailures", "Arn"]}}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] <= 185
    policy = RESOURCES["EventFailuresPolicy"]["Properties"]["PolicyDocument"]
    [allow] = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert {"Bus", "WorkersPurgeDaily"} <= references(allow["Condition"]["ArnLike"])


def test_the_bus_keeps_an_archive():
    archive = RESOURCES["Archive"]["Properties"]
    assert archive["SourceArn"] == {"Fn::GetAtt": ["Bus", "Arn"]}
    assert archive["RetentionDays"] == {"Ref": "ArchiveDays"}


def test_the_stream_passes_the_outbox_on_and_parks_what_fails():
    stream = FUNCTIONS["WorkersPublish"]["Events"]["Stream"]["Properties"]
    [wanted] = [json.loads(each["Pattern"]) for each in stream["FilterCriteria"]["Filters"]]
    keys = ast.parse((ROOT / "layers/core/sheaf/db/keys.py").read_text())
    feed = next(
        node.value.value
        for node in keys.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "FEED"
    )
    outbox = {"Keys": {"pk": {"S": [{"prefix": feed}]}}}
    assert wanted == {"eventName": ["INSERT"], "dynamodb": outbox}
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert 0 < stream["MaximumRetryAttempts"] <= 100
    assert 0 < stream["MaximumRecordAgeInSeconds"] < 86_400
    assert stream["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_the_delivery_queue_gives_a_crashed_delivery_back_and_parks_a_poisonous_one():
    queue = QUEUES["DeliveryQueue"]
    assert FUNCTIONS["WorkersDeliver"]["Timeout"] < queue["VisibilityTimeout"] <= 100
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["DeliveryFailures", "Arn"]
    }
    source = FUNCTIONS["WorkersDeliver"]["Events"]["Queue"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"]["MaximumConcurrency"] <= 100
    for each in QUEUES.values():
        assert each["SqsManagedSseEnabled"] is True
        assert each["MessageRetentionPeriod"] == 14 * 86_400


def test_functions_that_nobody_waits_for_have_an_on_failure_destination():
    for name in ("WorkersMatch", "WorkersNotify", "WorkersJobs", "WorkersEncrypt", "WorkersPurge"):
        config = FUNCTIONS[name]["EventInvokeConfig"]
        target = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["EventFailures", "Arn"]}}
        assert config["DestinationConfig"] == {"OnFailure": target}
        assert config["MaximumRetryAttempts"] <= 2
        assert "sqs:SendMessage" in actions(ROLES[role_of(name)])


def test_the_sweep_runs_every_minute_and_leaves_what_fails_to_the_next():
    function = FUNCTIONS["WorkersSweep"]
    schedule = function["Events"]["Minutely"]["Properties"]
    assert schedule["Schedule"] == "rate(1 minute)"
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert schedule["RetryPolicy"] == function["EventInvokeConfig"] == once


def test_the_tally_is_kept_every_five_minutes_and_leaves_what_fails_to_the_next():
    function = FUNCTIONS["WorkersTally"]
    schedule = function["Events"]["Often"]["Properties"]
    assert schedule["Schedule"] == "rate(5 minutes)"
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert schedule["RetryPolicy"] == function["EventInvokeConfig"] == once


def test_the_digest_runs_every_hour_and_leaves_what_fails_to_the_next():
    function = FUNCTIONS["WorkersDigest"]
    schedule = function["Events"]["Hourly"]["Properties"]
    assert schedule["Schedule"] == "rate(1 hour)"
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert schedule["RetryPolicy"] == function["EventInvokeConfig"] == once


def test_notices_go_to_one_topic_which_their_role_may_publish_to_and_no_other():
    topic = {"Fn::If": ["HasNoticeTopic", {"Ref": "NoticeTopicArn"}, {"Ref": "NoticeTopic"}]}
    for name in ("WorkersNotify", "WorkersDigest"):
        assert role_of(name) == "NotifyRole"
    assert GLOBALS["Environment"]["Variables"]["NOTICE_TOPIC"] == topic
    subscription = RESOURCES["NoticeSubscription"]["Properties"]
    email = {"Protocol": "email", "Endpoint": {"Ref": "NoticeEmail"}}
    assert subscription == {"TopicArn": topic, **email}
    assert TEMPLATE["Outputs"]["NoticeTopicArn"]["Value"] == topic
    publishing = {
        role: statement["Resource"]
        for role, each in ROLES.items()
        for statement in statements(each)
        if "sns:Publish" in listed(statement["Action"])
    }
    assert publishing == {"NotifyRole": topic}
    # Longer than a function runs, and shorter than what Lambda waits before it tries again.
    assert GLOBALS["Timeout"] < notices._LEASE / 1_000_000 < 60


def test_the_purge_runs_daily_and_its_schedule_retries():
    schedule = FUNCTIONS["WorkersPurge"]["Events"]["Daily"]["Properties"]
    assert schedule["Schedule"] == {"Ref": "PurgeSchedule"}
    assert schedule["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["EventFailures", "Arn"]}}
    assert PARAMETERS["RetentionDays"]["Default"] == 30


# --- watching ---------------------------------------------------------------------------------


def test_the_api_is_throttled_and_logs_each_request_in_one_line_without_its_path():
    api = RESOURCES["HttpApi"]["Properties"]
    throttle = {"ThrottlingRateLimit": {"Ref": "ThrottleRate"}}
    assert api["DefaultRouteSettings"] == throttle | {
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"}
    }
    line = api["AccessLogSettings"]["Format"]
    assert "\n" not in line
    assert "$context.requestId" in json.loads(line).values()
    assert "$context.path" not in line, "paths hold tokens"


def test_logs_are_kept_for_a_while_only():
    for group in of("AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_there_are_at_most_ten_alarms_and_each_tells_somebody():
    assert 0 < len(ALARMS) <= 10
    for name, alarm in ALARMS.items():
        assert alarm["Condition"] == "HasAlarms"
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["Properties"]["AlarmDescription"]


def test_alarms_watch_what_can_go_wrong_unseen():
    watched = {alarm["Properties"]["MetricName"] for alarm in ALARMS.values()}
    assert watched >= {"5xx", "Throttles", "IteratorAge", "FunctionErrors", "HookFailures"}
    queues = [
        alarm["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in ALARMS.values()
        if alarm["Properties"]["Namespace"] == "AWS/SQS"
    ]
    assert sorted(queues) == ["DeliveryFailures", "EventFailures"]


def test_every_metric_of_our_own_is_counted_by_a_filter():
    filters = of("AWS::Logs::MetricFilter").values()
    counted = {f["Properties"]["MetricTransformations"][0]["MetricName"] for f in filters}
    own = [a["Properties"] for a in ALARMS.values() if "Fn::Sub" in a["Properties"]["Namespace"]]
    assert {each["MetricName"] for each in own} == counted


# The metrics that a service makes by itself, with the dimension they are asked for by.
METRICS = {
    "AWS/ApiGateway": ("ApiId", {"Count", "4xx", "5xx", "Latency"}),
    "AWS/Lambda": (
        "FunctionName",
        {"ConcurrentExecutions", "Errors", "Invocations", "IteratorAge", "Throttles"},
    ),
    "AWS/DynamoDB": (
        "TableName",
        {
            "ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents",
            "WriteThrottleEvents",
        },
    ),
    "AWS/SQS": (
        "QueueName", {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    ),
}  # fmt: skip
# By what of which kind of resource a dimension is filled.
DIMENSIONS = {
    "ApiId": ("AWS::Serverless::HttpApi", ""),
    "FunctionName": ("AWS::Serverless::Function", ""),
    "TableName": ("AWS::DynamoDB::Table", ""),
    "QueueName": ("AWS::SQS::Queue", ".QueueName"),
}
OWN = "Sheaf/${AWS::StackName}"


def dashboard():
    """The dashboard's widgets."""
    return json.loads(RESOURCES["StackDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])[
        "widgets"
    ]


def spelled(rows):
    """Metrics of a widget in full: "." stands for what is above, "..." for all that is."""
    before = []
    for row in rows:
        names = [each for each in row if isinstance(each, str)]
        if names[0] == "...":
            names = [*before[: len(before) - len(names) + 1], *names[1:]]
        before = [
            above if each == "." else each
            for each, above in zip(names, [*before, *names][: len(names)], strict=True)
        ]
        yield before


def watched():
    """(namespace, name, dimension, value) of every metric that an alarm or the dashboard asks for.

    Dimension and value are None where a metric has none.
    """
    for alarm in (each["Properties"] for each in ALARMS.values()):
        namespace = alarm["Namespace"]
        name = namespace["Fn::Sub"] if isinstance(namespace, dict) else namespace
        [found] = alarm.get("Dimensions", [{"Name": None, "Value": None}])
        yield name, alarm["MetricName"], found["Name"], shown(found["Value"])
    for widget in dashboard():
        for row in spelled(widget["properties"].get("metrics", [])):
            yield tuple([*row, None, None][:4])


def shown(value):
    """A reference as Fn::Sub writes it."""
    if not isinstance(value, dict):
        return value
    target = value.get("Ref") or ".".join(value["Fn::GetAtt"])
    return f"${{{target}}}"


def test_every_metric_that_is_watched_is_made_by_a_resource_that_exists():
    filters = of("AWS::Logs::MetricFilter").values()
    own = {f["Properties"]["MetricTransformations"][0]["MetricName"] for f in filters}
    found = set(watched())
    assert len(found) > 20
    for namespace, name, dimension, value in found:
        if namespace == OWN:
            assert (name in own, dimension) == (True, None)
            continue
        by, names = METRICS[namespace]
        assert name in names
        if dimension is None:
            assert name == "Throttles", "concurrency is the account's"
            continue
        kind, attribute = DIMENSIONS[by]
        assert dimension == by
        resource = value.removeprefix("${").removesuffix("}").removesuffix(attribute)
        assert value == f"${{{resource}{attribute}}}"
        assert RESOURCES[resource]["Type"] == kind


def test_the_dashboard_shows_what_an_operator_needs_and_stays_free():
    shown_ = {row[:2] for row in watched()}
    assert shown_ >= {
        ("AWS/ApiGateway", "Count"), ("AWS/ApiGateway", "5xx"), ("AWS/ApiGateway", "Latency"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"), ("AWS/Lambda", "IteratorAge"),
        ("AWS/Lambda", "Throttles"), ("AWS/DynamoDB", "WriteThrottleEvents"),
    }  # fmt: skip
    widgets = dashboard()
    metrics = [row for each in widgets for row in each["properties"].get("metrics", [])]
    assert len(metrics) <= 50, "of a dashboard with more, each costs $3 a month"
    assert len(of("AWS::CloudWatch::Dashboard")) == 1
    assert len(of("AWS::Logs::MetricFilter")) == 2, "each metric of our own costs $0.30 a month"
    # They lie side by side, and none over another.
    cells = [
        (each["x"] + x, each["y"] + y)
        for each in widgets
        for x in range(each["width"])
        for y in range(each["height"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    assert all(each["properties"]["region"] == "${AWS::Region}" for each in widgets)


def test_what_the_dashboard_looks_for_in_the_log_is_written_there():
    queries = [each["properties"]["query"] for each in dashboard() if "query" in each["properties"]]
    assert len(queries) == 2
    code = "".join(path.read_text() for path in (ROOT / "layers/core/sheaf/hooks").glob("*.py"))
    states = {f"hook.{state}" for state in deliveries.STATES}
    for query in queries:
        [group] = re.findall(r"SOURCE '\$\{(\w+)\}'", query)
        assert RESOURCES[group]["Type"] == "AWS::Logs::LogGroup"
        lines = set(re.findall(r"'(hook\.\w+)'", query))
        assert lines
        assert all(line in states or f'"{line}"' in code for line in lines)


def test_the_bootstrap_knows_what_it_makes():
    properties = RESOURCES["Bootstrap"]["Properties"]
    assert properties["ServiceToken"] == {"Fn::GetAtt": ["WorkersBootstrap", "Arn"]}
    assert {"AdminEmail", "StackName", "SecretsPrefix"} <= set(properties)
    assert properties["ServiceTimeout"] > FUNCTIONS["WorkersBootstrap"]["Timeout"]


def test_what_a_schedule_starts_is_kept_when_it_fails_but_for_what_the_next_run_makes_good():
    kept = {"Fn::GetAtt": ["EventFailures", "Arn"]}
    forgetting = set()
    for name, function in FUNCTIONS.items():
        for event in function.get("Events", {}).values():
            if event["Type"] != "Schedule":
                continue
            config = function["EventInvokeConfig"]
            if event["Properties"].get("DeadLetterConfig") is None:
                assert config["MaximumRetryAttempts"] == 0
                forgetting.add(name)
            else:
                assert event["Properties"]["DeadLetterConfig"] == {"Arn": kept}
                assert config["DestinationConfig"]["OnFailure"]["Destination"] == kept
    assert forgetting == {"WorkersSweep", "WorkersTally", "WorkersDigest"}
