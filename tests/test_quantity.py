"""What `podunit.kubernetes.quantity` promises: Kubernetes' numbers, exactly, rounded up to whole ones."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podunit.kubernetes.quantity import parse_bytes, parse_count, parse_cpu_milli


def refuse(text: str) -> tuple[str, str]:
    """Message and hint of the ValueError for a number of bytes."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_bytes(text)
    message, hint = caught.value.args
    return message, hint


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("+5", 5),
        ("5.", 5),
        (".5k", 500),
        ("007", 7),
        ("64Mi", 64 * 1024**2),
        ("1.5Gi", 1536 * 1024**2),
        ("1Ki", 1024),
        ("1Ti", 1024**4),
        ("1Pi", 1024**5),
        ("7Ei", 7 * 1024**6),
        ("1k", 1000),
        ("512M", 512_000_000),
        ("1G", 10**9),
        ("1T", 10**12),
        ("1P", 10**15),
        ("9E", 9 * 10**18),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1e+3", 1000),
        ("12000e-3", 12),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_bytes(text: str, number: int) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize(("text", "number"), [("0.1", 1), ("1500m", 2), ("1n", 1), ("1u", 1), ("1.0000001Ki", 1025)])
def test_a_fraction_of_a_byte_is_rounded_up(text: str, number: int) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("2", 2000),
        ("0.5", 500),
        ("500m", 500),
        ("1.5", 1500),
        ("1m", 1),
        ("0.0001", 1),
        ("100u", 1),
        ("1500000n", 2),
        ("1k", 1_000_000),
        ("1e-1", 100),
    ],
)
def test_cpus_are_thousandths(text: str, milli: int) -> None:
    assert parse_cpu_milli(text) == milli


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "Mi", "64MB", "64mi", "64KI", "1 Gi", " 1", "1\n", "1,5", "0x10", "1_000", "--1", "1e", "1ee3"),
        *("1e1000", ".", "+", "e3", "½", "\u0661", "inf", "nan", "1K"),
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    message, hint = refuse(text)
    assert message == f"'{text}' is not a quantity"
    assert hint == "write bytes, with a suffix if you like: 64Mi, 1.5Gi, 512M"


@pytest.mark.parametrize("text", ["0", "-1", "-0.5Gi", "0e3", "0Mi"])
def test_a_limit_of_nothing_is_refused(text: str) -> None:
    assert refuse(text)[0] == f"'{text}' is not more than 0"


@pytest.mark.parametrize("text", ["9223372036854775808", "8Ei", "10E", "1e999"])
def test_a_limit_beyond_64_bits_is_refused(text: str) -> None:
    assert refuse(text)[0] == f"'{text}' is more than 64 bits hold"


def test_a_long_number_is_refused_and_not_repeated() -> None:
    assert refuse("1" * 100_000)[0] == "this quantity has too many digits"
    assert len(refuse("x" * 100_000)[0]) < 100


def test_the_hint_for_a_cpu_is_its_own() -> None:
    with pytest.raises(ValueError, match="'half' is not a quantity") as caught:
        parse_cpu_milli("half")
    assert caught.value.args[1] == "write CPUs or thousandths of one: 2, 0.5, 500m"


@given(st.decimals(min_value=Decimal("0.001"), max_value=10**9, places=3), st.sampled_from(["", "k", "Ki", "M", "Mi"]))
def test_rounding_up_is_exact(number: Decimal, suffix: str) -> None:
    factor = {"": 1, "k": 1000, "Ki": 1024, "M": 1000**2, "Mi": 1024**2}[suffix]
    exact = number * factor
    assert exact <= parse_bytes(f"{number}{suffix}") < exact + 1


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("1", 1), ("2.0", 2), ("1k", 1000), ("2000m", 2)])
def test_a_count_is_whole(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["-1", "1.5", "1001", "9e999", "some"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        parse_count(text)
