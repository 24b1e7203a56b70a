from concurrent.futures import ThreadPoolExecutor

import pytest
from pynamodb.exceptions import UpdateError

from sheaf.db.counters import take
from sheaf.problems import Busy
from tests.wire import Wire, refusal


def test_a_series_counts_up_from_its_beginning(aws):
    assert [take("a") for _ in range(3)] == [1, 2, 3]
    assert [take("b", first=5) for _ in range(3)] == [5, 6, 7]
    assert take("a") == 4


def test_no_number_is_given_out_twice(aws):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: take("a"), range(40)))
    assert sorted(taken) == list(range(1, 41))


def test_a_throttle_that_outlasts_botocore_is_busy(aws):
    throttle = refusal("ThrottlingException")
    with Wire(before=lambda _: throttle), pytest.raises(Busy):
        take("a")


def test_any_other_error_is_raised_as_it_came(aws):
    denied = refusal("AccessDeniedException")
    with Wire(before=lambda _: denied), pytest.raises(UpdateError):
        take("a")
