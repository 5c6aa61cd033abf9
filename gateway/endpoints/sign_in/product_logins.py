"""The products whose clients sign in by the passwords of the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.endpoints.sign_in.memghost_login import MemghostLogin
from gateway.endpoints.sign_in.product_login import LoginWords
from gateway.endpoints.sign_in.rocketchat_login import RocketchatLogin

PRODUCT_LOGINS: Mapping[str, Callable[[], LoginWords]] = {"rocketchat": RocketchatLogin, "memghost": MemghostLogin}
"""Name in `logins` of the config -> its words."""
