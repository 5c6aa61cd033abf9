from __future__ import annotations

from gateway.demo.index_page import index_page


def test_nobody_is_offered_to_sign_in() -> None:
    page = index_page({"Host": "h", "X-Request-Id": "1"})
    assert ('href="/_gateway/sign-in?return_to=/"' in page, "/_gateway/devices" in page) == (True, False)


def test_somebody_sees_what_the_application_is_told_and_no_markup_of_others() -> None:
    page = index_page({"X-User-Id": "jane", "X-User-Name": "<script>", "Accept": "text/html"})
    assert ("<td>jane</td>" in page, "&lt;script&gt;" in page, "<script>" in page) == (True, True, False)
    assert ("/_gateway/devices" in page, "text/html" in page) == (True, False)
