"""Broken submissions through the whole API: kept as they are or refused, never a fault of ours."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from tests.cast import Cast
from tests.mutations import mutated


def test_broken_submissions_are_kept_byte_for_byte_or_refused(cast):
    cast.form()
    outcomes: Counter[int] = Counter()
    kept = {}
    for raw in mutated(400, seed=99):
        headers = {"content-type": "application/octet-stream"}
        answer = cast.alice.post(Cast.SUBMISSIONS, raw, headers)
        assert answer.status in (200, 400, 404, 409), (answer.text, raw)
        outcomes[answer.status] += 1
        if answer.status == 200:
            kept[answer.json["instanceId"]] = raw
    assert outcomes[200] > 10
    assert outcomes[400] > 50
    listed = {each["instanceId"] for each in cast.alice.get(Cast.SUBMISSIONS).json}
    assert listed == set(kept)
    for instance_id, raw in list(kept.items())[:20]:
        path = f"{Cast.SUBMISSIONS}/{quote(instance_id, safe='')}.xml"
        assert cast.alice.get(path).body == raw


def test_broken_submissions_of_devices_are_taken_or_refused(cast):
    cast.form()
    outcomes = Counter(cast.send(raw).status for raw in mutated(200, seed=98))
    assert set(outcomes) <= {201, 400, 404, 409}
    assert outcomes[201] > 5
    assert outcomes[400] > 25
