from __future__ import annotations

from gateway.dialects.dialect_kind import ClientFactory, DialectKind, SpokenSettings
from gateway.dialects.oidc_userinfo import OidcUserInfo


def test_a_dialect_may_go_one_way_alone() -> None:
    kind = DialectKind("any", spoken=ClientFactory(lambda _settings: OidcUserInfo()))
    assert kind.served is None
    assert kind.spoken is not None
    assert kind.spoken.settings is SpokenSettings
