"""What a recorded locator holds of the secrets in an address: nothing."""

from __future__ import annotations

import pytest

from narrowcast.core.locator import Locator


@pytest.mark.parametrize(
    "name", ["code", "sas", "Code", "sig", "token", "X-Amz-Signature", "jwt", "sid", "session_id", "ticket"]
)
def test_secret_options_are_masked(name: str) -> None:
    public = Locator.parse(f"https://host.example/x.csv?a=1&{name}=S3CRET&b=2").public
    assert public == f"https://host.example/x.csv?a=1&{name}=***&b=2"
    assert Locator.parse(f"https://host.example/x.csv?{name}=${{TOKEN}}").public.endswith("${TOKEN}")


@pytest.mark.parametrize("name", ["postcode", "encoding", "decode", "passage", "page", "q", "format"])
def test_other_options_stay(name: str) -> None:
    text = f"https://host.example/x.csv?{name}=value"
    assert Locator.parse(text).public == text
