import pytest

from gateway.endpoints.sign_in.sign_in_requests import BadParametersError, parameters


def test_each_parameter_counts_once() -> None:
    assert parameters("a=b&c=%2F&d=") == {"a": "b", "c": "/", "d": ""}
    assert parameters("") == {}


@pytest.mark.parametrize("text", ["a=b&a=c", "a=%ff", "&".join(f"a{n}=b" for n in range(17))])
def test_what_no_issuer_sends_is_refused(text: str) -> None:
    with pytest.raises(BadParametersError):
        parameters(text)
