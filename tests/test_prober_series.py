"""Thresholds are the kubelet's, for any series of results; what strangers say is fit for a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podunit.prober.series import Series, shorten


class _Worker:
    """The counting of `doProbe` in pkg/kubelet/prober/worker.go, line by line."""

    def __init__(self, success_threshold: int, failure_threshold: int) -> None:
        self.success_threshold, self.failure_threshold = success_threshold, failure_threshold
        self.last_result: bool | None = None
        self.result_run = 0

    def do_probe(self, result: bool) -> bool | None:
        if self.last_result == result:
            self.result_run += 1
        else:
            self.last_result = result
            self.result_run = 1
        if (not result and self.result_run < self.failure_threshold) or (
            result and self.result_run < self.success_threshold
        ):
            return None
        return result


_THRESHOLDS = st.integers(1, 5)


@given(_THRESHOLDS, _THRESHOLDS, st.lists(st.booleans(), max_size=60))
def test_verdicts_are_those_of_the_kubelet(success: int, failure: int, results: list[bool]) -> None:
    worker, series = _Worker(success, failure), Series(success, failure)
    for result in results:
        assert series.add(result) == worker.do_probe(result)
        assert (series.successes, series.failures) == ((worker.result_run, 0) if result else (0, worker.result_run))


@given(st.binary() | st.text())
def test_what_strangers_say_is_one_short_line(text: bytes | str) -> None:
    short = shorten(text)
    assert len(short) <= 200
    assert "\n" not in short
    assert short.isprintable()


def test_the_first_line_with_something_in_it_is_told() -> None:
    assert shorten("\n  \n  no such table \nmore") == "no such table"
    assert shorten(b"\x1b[31mred\xff") == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"
