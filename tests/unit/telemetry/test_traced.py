from gateway.telemetry.traced import Traced


def test_a_request_that_begins_has_asked_nobody_who_it_is() -> None:
    traced = Traced(trace_id=1, span_id=2, upstream_id=3)
    assert (traced.parent_id, traced.resolve_id, traced.resolution) == (0, 0, None)
