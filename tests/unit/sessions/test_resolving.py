from __future__ import annotations

from gateway.model.answers import Found
from gateway.model.credential import Credential
from gateway.sessions.resolving import Resolves
from tests.support.sessions import Authority, Clock, Gateway, found


async def test_the_resolver_is_what_the_gate_asks() -> None:
    authority = Authority()
    authority.answers["t"] = found()
    gateway = Gateway(authority, Clock())

    async def ask(resolves: Resolves, credential: Credential) -> list[Found]:
        both = (await resolves.look(credential), await resolves.resolve(credential))
        return [one.answer for one in both if isinstance(one.answer, Found)]

    assert await ask(gateway.resolver, gateway.credential("t")) == [found(), found()]
