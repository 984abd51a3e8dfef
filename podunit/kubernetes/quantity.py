"""Kubernetes' quantities (`64Mi`, `500m`, `1e3`) as numbers: bytes, and thousandths of a CPU; and base64.

In: the text of a scalar. Out: a number or bytes, or ValueError with a sentence for the user. Knows no field.
"""

from __future__ import annotations

import binascii
import re
from fractions import Fraction

# k8s.io/apimachinery resource.Quantity: a decimal number and one suffix.
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?")
_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", 1)},
}
_MAX = 2**63 - 1
# More devices than a machine has.
_MAX_COUNT = 1000


def parse_bytes(text: str) -> int:
    """A positive number of bytes, rounded up."""
    return _round_up(text, 1, "write bytes, with a suffix if you like: 64Mi, 1.5Gi, 512M")


def parse_cpu_milli(text: str) -> int:
    """A positive number of CPUs in thousandths, rounded up."""
    return _round_up(text, 1000, "write CPUs or thousandths of one: 2, 0.5, 500m")


def parse_count(text: str) -> int:
    """A whole number of things that cannot be divided; 0 is none."""
    hint = "write a whole number: 1"
    value = _parse(text, hint)
    if value < 0 or value.denominator != 1:
        raise ValueError(f"'{text[:60]}' is not a whole number", hint)
    if value > _MAX_COUNT:
        raise ValueError(f"'{text[:60]}' is more than {_MAX_COUNT}", hint)
    return value.numerator


def parse_divisor(text: str) -> Fraction:
    """The unit in which a resource is wanted, such as 1Mi or 1m; 0 is the API's way to say 1."""
    return _parse(text, "write a unit: 1, 1k, 1Mi, or 1m for CPUs") or Fraction(1)


def parse_base64(text: str) -> bytes:
    """The bytes of standard base64; line breaks in it are skipped, as the API does."""
    try:
        return binascii.a2b_base64(text.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        raise ValueError("not base64", "write the text itself below stringData, or encode it: base64 -w0") from None


def _round_up(text: str, unit: int, hint: str) -> int:
    value = _parse(text, hint) * unit
    if value <= 0:
        raise ValueError(f"'{text}' is not more than 0", hint)
    rounded = -(-value.numerator // value.denominator)
    if rounded > _MAX:
        raise ValueError(f"'{text}' is more than 64 bits hold", hint)
    return rounded


def _parse(text: str, hint: str) -> Fraction:
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise ValueError(f"'{text[:60]}' is not a quantity", hint)
    number, suffix = found.groups()
    if len(number) > 40:
        raise ValueError("this quantity has too many digits", hint)
    if suffix is None:
        factor = Fraction(1)
    elif suffix in _SUFFIXES:
        factor = _SUFFIXES[suffix]
    else:
        factor = Fraction(10) ** int(suffix[1:])
    return Fraction(number) * factor
