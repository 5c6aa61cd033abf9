from gateway.resilience.under_way import UnderWay


def test_what_is_under_way_is_known_by_its_name_alone() -> None:
    under_way = UnderWay()
    with under_way.entered("one") as first, under_way.entered("one") as second, under_way.entered("other") as other:
        assert (first, second, other) == (False, True, False)
    with under_way.entered("one") as later:
        assert not later
