"""What was encrypted can be decrypted, what was signed holds, and nothing else does."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import BadParams, PermanentError
from integrations.core.security.encryption import Decrypt, Encrypt, decrypt, encrypt
from integrations.core.security.hashing import Hash, hash_value
from integrations.core.security.signatures import Sign, Verify, sign, verify
from integrations.core.security.tokens import MakeJwt, ReadJwt, make_jwt, read_jwt
from integrations.core.values import identity
from tests.integrations.core.test_properties import values
from tests.integrations.services import RUN, Accounts, FolderFiles


def secret(text: str) -> dict[str, Any]:
    return {"type": "core.secret", "fields": {"secret": text}}


def key_pair(key: Any) -> dict[str, Any]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        name: {"type": "core.key", "fields": {"key": text}} for name, text in (("own", private), ("theirs", public))
    }


KEY = base64.b64encode(bytes(range(32))).decode()
ACCOUNTS = Accounts(
    {"own": secret(KEY), "other": secret(KEY[::-1].replace("=", "A")), "words": secret("correct horse 42")}
)


def call(node: Any, params: Any, accounts: Accounts = ACCOUNTS) -> Any:
    made = {"credentials": accounts, "run": RUN}
    with tempfile.TemporaryDirectory() as folder:
        services = {**made, "files": FolderFiles(Path(folder))}
        return asyncio.run(node.function(params, **{name: services[name] for name in node.services}))


@settings(max_examples=40, deadline=None)
@given(values)
def test_what_was_encrypted_can_be_decrypted(value: Any) -> None:
    token = call(encrypt, Encrypt(value=value, account="own"))
    assert call(decrypt, Decrypt(value=token, account="own")) == value
    assert call(encrypt, Encrypt(value=value, account="own")) != token
    with pytest.raises(PermanentError):
        call(decrypt, Decrypt(value=token, account="other"))


@given(st.text(max_size=20), st.integers(0, 10_000), st.sampled_from("ABCwxyz019"))
@settings(max_examples=40, deadline=None)
def test_a_changed_text_is_noticed(text: str, place: int, letter: str) -> None:
    token = call(encrypt, Encrypt(value=text, account="own"))
    place = token.index("..") + 2 + place % (len(token) - token.index("..") - 3)
    changed = token[:place] + letter + token[place + 1 :]
    bits = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))  # noqa: E731
    if "." in (token[place], letter) or [bits(p) for p in changed.split(".")] == [bits(p) for p in token.split(".")]:
        return
    with pytest.raises(PermanentError):
        call(decrypt, Decrypt(value=changed, account="own"))


def test_a_passphrase_opens_what_it_closed() -> None:
    token = call(encrypt, Encrypt(value="open sesame", account="words"))
    assert call(decrypt, Decrypt(value=token, account="words")) == "open sesame"


@settings(deadline=None)
@given(values, values)
def test_equal_values_have_equal_hashes_and_others_have_not(first: Any, second: Any) -> None:
    hashes = [call(hash_value, Hash(value=value)) for value in (first, second)]
    texts = isinstance(first, str) or isinstance(second, str)
    assert (hashes[0] == hashes[1]) == (identity(first) == identity(second)) or texts


PAIRS = {
    "ed25519": key_pair(ed25519.Ed25519PrivateKey.generate()),
    "ecdsa_sha256": key_pair(ec.generate_private_key(ec.SECP256R1())),
    "rsa_pss_sha256": key_pair(rsa.generate_private_key(65537, 2048)),
}
PAIRS["rsa_sha256"] = PAIRS["rsa_pss_sha256"]


@pytest.mark.parametrize("method", PAIRS)
@settings(max_examples=15, deadline=None)
@given(value=st.text(max_size=30), other=st.text(max_size=30), encoding=st.sampled_from(["hex", "base64", "base64url"]))
def test_what_was_signed_holds_with_the_public_key(method: Any, value: str, other: str, encoding: Any) -> None:
    accounts = Accounts(PAIRS[method])
    signature = call(sign, Sign(value=value, method=method, account="own", encoding=encoding), accounts)
    for text in (value, other):
        checked = call(verify, Verify(value=text, signature=signature, method=method, account="theirs"), accounts)
        assert (checked.output, checked.value) == ("valid" if text == value else "invalid", text)


@pytest.mark.parametrize(
    ("method", "pair"),
    [("Ed25519", "ed25519"), ("ES256", "ecdsa_sha256"), ("RS256", "rsa_sha256"), ("PS256", "rsa_sha256")],
)
def test_a_token_made_with_a_private_key_is_read_with_the_public_one(method: Any, pair: str) -> None:
    accounts = Accounts(PAIRS[pair])
    token = call(make_jwt, MakeJwt(claims={"sub": "Ada"}, method=method, account="own"), accounts)
    read = call(read_jwt, ReadJwt(token=token, method=method, account="theirs"), accounts)
    now = int(RUN.now.timestamp())
    assert read.checked and read.claims == {"sub": "Ada", "iat": now, "exp": now + 3600}


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    """The confusion of RS256 with HS256: a token "signed" with the public key as if it were a secret."""
    public = PAIRS["rsa_sha256"]["theirs"]["fields"]["key"]
    with pytest.raises(BadParams, match="no secret for two"):
        call(make_jwt, MakeJwt(account="own"), Accounts({"own": secret(public)}))
    head, body = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"HS256"}', b'{"sub":"eve"}'))
    signature = hmac.new(public.encode(), head + b"." + body, hashlib.sha256).digest()
    forged = b".".join((head, body, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()
    for method in ("RS256", "HS256"):
        with pytest.raises((PermanentError, BadParams)):
            call(read_jwt, ReadJwt(token=forged, method=method, account="theirs"), Accounts(PAIRS["rsa_sha256"]))
