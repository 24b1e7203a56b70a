"""What the linters of templates say of the stack: nothing, but for what is stated here."""

import json

from local.emulator import REGION
from tests.catalogue.test_template import expanded
from tests.packaging.conftest import ROOT, run

# Rules of cfn-lint-serverless that do not fit, and why.
EXCEPTED = {
    "WS1000": "no active tracing: HTTP APIs add no segment, and $5 a million buys little",
    "WS1004": "all functions share one log group, which the rule does not see",
    "ES1001": "the deliveries' source is a queue: what fails goes by its redrive policy",
    # What runs every few minutes takes up what the run before has left, so no failure of one need
    # be kept; tests/catalogue/test_template.py asks all other rules for their queue.
    "ES1007": "the sweep, the tally and the digest are tried again by their next run",
    "ES4000": "the sweep, the tally and the digest are tried again by their next run",
    "ES6000": "the two queues without a dead-letter queue are those of the others",
    "ES7000": "a mail of an alarm or a notice that bounces has nowhere else to go",
}


def test_sam_finds_the_template_valid():
    assert "is a valid SAM Template" in run("sam", "validate", "--lint")


def test_cfn_lint_finds_nothing_in_what_cloudformation_gets(tmp_path):
    # Some of its rules, that of misspelt IAM actions among them, do not see SAM's resources.
    transformed = tmp_path / "template.json"
    transformed.write_text(json.dumps(expanded()))
    rules = ["--append-rules", "cfn_lint_serverless.rules", "--ignore-checks", *EXCEPTED]
    run("cfn-lint", "--template", transformed, "--regions", REGION, *rules)


def test_checkov_finds_nothing_that_is_not_justified():
    said = json.loads(run("checkov", "--output", "json"))
    assert said["summary"]["failed"] == 0
    assert said["summary"]["parsing_errors"] == 0
    assert said["summary"]["passed"] > 200
    config = (ROOT / ".checkov.yaml").read_text()
    skipped = [line for line in config.splitlines() if line.startswith("  - CKV")]
    assert all(" # " in line for line in skipped), "each with its reason"
