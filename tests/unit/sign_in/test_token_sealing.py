from gateway.model.external_identity import ProviderTokens
from gateway.sign_in.token_sealing import TokenSealer

TOKENS = ProviderTokens("id-token", "refresh-token")


def test_tokens_open_for_whom_they_were_sealed_alone() -> None:
    sealer = TokenSealer([b"secret"])
    sealed = sealer.seal(TOKENS, "https://id.example.com", "u1")
    assert b"token" not in sealed
    assert sealer.open(sealed, "https://id.example.com", "u1") == TOKENS
    assert sealer.open(sealed, "https://id.example.com", "u2") is None
    assert sealer.open(sealed[:5], "https://id.example.com", "u1") is None
    assert "token" not in repr(TOKENS)


def test_secrets_rotate() -> None:
    sealed = TokenSealer([b"old"]).seal(TOKENS, "i", "s")
    assert TokenSealer([b"new", b"old"]).open(sealed, "i", "s") == TOKENS
    assert TokenSealer([b"new"]).open(sealed, "i", "s") is None
