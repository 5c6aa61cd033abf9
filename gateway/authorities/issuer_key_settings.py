"""What a config may say of the keys that verify an issuer's signed tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.authorities.http_settings import EndpointUrl, HttpAuthoritySettings, require_tls, trusted
from gateway.authorities.key_set import KeyTimes
from gateway.authorities.pem_keys import PEM_ALGORITHM
from gateway.authorities.published_keys import EVERY_ALGORITHM, JwtAlgorithm
from gateway.authorities.shared_secret import HMAC, require_long
from gateway.source.token_file import TokenFile
from gateway.source.values import PositiveDuration, SecretList, StringList, field_faults


class IssuerKeySettings(HttpAuthoritySettings):
    """An issuer, and where its keys are: at `jwks_url`, or without it where the issuer's own document says.

    Where `jwks_url` answers nobody without a bearer token, it is shown the one that is in `jwks_token_file` then.
    Instead `shared_secret` verifies tokens of HMAC alone, never beside published keys, since whoever knows those could
    sign by HMAC with them (RFC 8725 section 3.1). With `pem_url` they are those of an Amazon load balancer, whose
    tokens differ in form: each key is a PEM at `pem_url/KID`, shared by all balancers of a region, so that `signer` has
    to name the one that is believed. The other `jwks_` keys are those of `KeyTimes`.
    """

    insecure_http: bool = False
    issuer: str = Field(min_length=1)
    shared_secret: Annotated[SecretList, AfterValidator(require_long)] = ()
    jwks_url: Annotated[EndpointUrl | None, AfterValidator(trusted)] = None
    jwks_token_file: TokenFile | None = None
    pem_url: Annotated[EndpointUrl | None, AfterValidator(trusted)] = None
    signer: StringList = ()
    algorithms: tuple[JwtAlgorithm | Literal["HS256"], ...] = Field(default=EVERY_ALGORITHM, min_length=1)
    jwks_fresh: PositiveDuration = KeyTimes().fresh
    jwks_cooldown: PositiveDuration = KeyTimes().cooldown
    jwks_stale: PositiveDuration = KeyTimes().stale

    @model_validator(mode="after")
    def _keys_are_known(self) -> Self:
        """Refuse HMAC beside anything that is published, and an issuer whose keys nobody can find."""
        algorithms = self.algorithms if "algorithms" in self.model_fields_set else ()
        if self.pem_url is not None or self.signer:
            faults = self._pem_faults()
        elif self.shared_secret:
            faults = {} if self.jwks_url is None else {"jwks_url": f"is not for {HMAC}: a secret is not published"}
            if algorithms and algorithms != (HMAC,):
                faults["algorithms"] = f"must be {HMAC} alone beside a shared_secret"
        else:
            faults = {"shared_secret": f"is required by {HMAC}, which stands alone"} if HMAC in algorithms else {}
            if self.jwks_url is None and (fault := _fault_of(self.issuer, insecure_http=self.insecure_http)):
                faults["issuer"] = f"is where its document is, without a jwks_url: {fault}"
        faults |= self._token_file_faults()
        if faults:
            raise field_faults(faults)
        return self

    def _pem_faults(self) -> dict[str, str]:
        """Return what does not go with keys that are published one by one."""
        if self.pem_url is None:
            return {"signer": "is looked at beside a pem_url alone"}
        faults = {} if self.signer else {"signer": "is required beside a pem_url: all balancers of a region share it"}
        if self.shared_secret:
            faults["shared_secret"] = "does not go with a pem_url"  # noqa: S105 - a text
        if self.jwks_url is not None:
            faults["jwks_url"] = "does not go with a pem_url"
        if "algorithms" in self.model_fields_set and self.algorithms != (PEM_ALGORITHM,):
            faults["algorithms"] = f"must be {PEM_ALGORITHM} alone beside a pem_url"
        return faults

    def _token_file_faults(self) -> dict[str, str]:
        """Refuse to show a token at an address that a document names, or where others on the way could read it."""
        if self.jwks_token_file is None:
            return {}
        if self.jwks_url is None:
            return {"jwks_token_file": "is shown at a jwks_url alone, and there is none"}
        if _fault_of(self.jwks_url, insecure_http=False):
            return {"jwks_token_file": "is shown over https:// or on loopback alone"}
        return {}


def _fault_of(url: str, *, insecure_http: bool) -> str:
    """Return why what an address says cannot be trusted, empty when it can."""
    try:
        require_tls(url, insecure_http=insecure_http)
    except ValueError as error:
        return str(error)
    return ""
