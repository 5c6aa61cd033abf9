import pytest

from gateway.dialects.action import LoginOrder
from gateway.dialects.rocketchat_parameters import InvalidParametersError, parameters_of, wanted_logins


def test_without_parameters_the_newest_fifty_are_wanted() -> None:
    wanted = wanted_logins(None)
    assert (wanted.filter, wanted.offset, wanted.count, wanted.everybody) == ("", 0, 50, False)
    assert wanted.order == (LoginOrder("loginAt", descending=True),)


def test_each_parameter_is_read_and_bounded() -> None:
    query = f"filter={'x' * 1000}&offset=7&count=5000&sort=%7B%22device.name%22:1,%22loginAt%22:-1%7D"
    wanted = wanted_logins(query)
    assert (len(wanted.filter), wanted.offset, wanted.count) == (256, 7, 100)
    assert wanted.order == (LoginOrder("device.name"), LoginOrder("loginAt", descending=True))


@pytest.mark.parametrize("query", ["a=1&a=2", "b=1", "&".join(["a=1"] * 100)])
def test_what_is_unknown_repeated_or_too_much_is_invalid(query: str) -> None:
    with pytest.raises(InvalidParametersError):
        parameters_of(query, ("a",))


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=%C2%B2", "count=1e3", "sort=[]", "sort=%FF", "sort=%7B%22x%22:1%7D"]
)
def test_what_no_list_takes_is_invalid(query: str) -> None:
    with pytest.raises(InvalidParametersError):
        wanted_logins(query)
