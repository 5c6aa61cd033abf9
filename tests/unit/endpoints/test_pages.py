import base64
import hashlib
import re

from gateway.endpoints.pages import POLICY, page, page_fields, refusal_page


def test_what_a_page_shows_is_escaped() -> None:
    body = refusal_page(401, "<b>&", '"><script>')
    assert b"<b>" not in body
    assert b"<script" not in body
    assert b"&lt;b&gt;&amp;" in body


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    style = re.search(rb"<style>(.*)</style>", page("t", ""))
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1]).digest()) in POLICY
    assert b"default-src 'none'" in POLICY
    assert b"frame-ancestors 'none'" in POLICY
    assert dict(page_fields())[b"Content-Security-Policy"] == POLICY
