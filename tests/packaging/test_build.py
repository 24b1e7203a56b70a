"""What `sam build` makes: one layer that has all the functions need, and little more."""

import os
import subprocess
import sys

from samtranslator.yaml_helper import yaml_parse

SIZE = 100_000_000  # bytes; Lambda's limit for a function with its layers is 250 MB


def test_the_layer_holds_what_the_functions_import(built):
    layer = built / "CoreLayer" / "python"
    for package in ("sheaf", "botocore", "pynamodb", "lxml", "pyxform", "aws_lambda_powertools"):
        assert (layer / package / "__init__.py").exists(), package
    assert not (layer / "boto3").exists()


def test_the_layer_is_small(built):
    files = [path for path in (built / "CoreLayer").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < SIZE
    assert not [path for path in files if path.suffix in {".jar", ".pyi~"}]


def test_the_layer_brings_bytecode_for_its_python(built):
    # Without it every cold start compiles: three times the import.
    tag = sys.implementation.cache_tag
    for package in ("sheaf", "botocore", "pynamodb"):
        assert (built / f"CoreLayer/python/{package}/__pycache__/__init__.{tag}.pyc").exists()


def test_the_pruned_botocore_makes_all_clients(built):
    code = """
import botocore.session
session = botocore.session.get_session()
for name in session.get_available_services():
    session.create_client(name, region_name="eu-west-1")
assert session.get_available_regions("dynamodb")
print(*session.get_available_services())
"""
    said = bare_python(built, code)
    assert said.split() == ["dynamodb", "events", "s3", "sns", "sqs", "ssm", "sts"]


def test_the_layer_converts_a_spreadsheet_and_seals_a_secret(built):
    bare_python(
        built,
        "import pyxform.xls2xform, openpyxl, lxml.etree\n"
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n",
    )


def test_the_built_template_finds_all_code(built):
    resources = yaml_parse((built / "template.yaml").read_text())["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            assert (built / resource["Properties"]["CodeUri"] / "app.py").exists()
    body = resources["HttpApi"]["Properties"]["DefinitionBody"]
    assert (built / body["Fn::Transform"]["Parameters"]["Location"]).exists()


def bare_python(built, code):
    """Run code as a Lambda would: with the standard library and the layer, nothing else."""
    return subprocess.run(
        [sys._base_executable, "-S", "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(built / "CoreLayer" / "python"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
        },
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
