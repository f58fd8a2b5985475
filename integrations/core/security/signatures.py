"""Sign, and Verify a signature: HMAC with a shared secret, or a key pair."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import (
    Account,
    BadParams,
    Credentials,
    Files,
    Fired,
    Multiline,
    Output,
    Params,
    Port,
    Select,
    action,
)
from integrations.core.security.accounts import key_of, secret_of
from integrations.core.security.content import Encoding, bytes_of, read, written

Method = Literal["hmac_sha256", "hmac_sha512", "hmac_sha1", "ed25519", "ecdsa_sha256", "rsa_pss_sha256", "rsa_sha256"]
_METHOD = (
    "HMAC: with a secret that both sides have, as most webhooks do. The others: with a private key, so that anybody "
    "with the public key can check it"
)
MethodField = Annotated[
    Method,
    Select(
        options=get_args(Method),
        labels=(
            "HMAC with SHA-256",
            "HMAC with SHA-512",
            "HMAC with SHA-1",
            "Ed25519",
            "ECDSA with SHA-256",
            "RSA-PSS with SHA-256",
            "RSA with SHA-256",
        ),
    ),
]
AccountField = Annotated[str, Account(types=("core.secret", "core.key"))]


class Sign(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="The text, record or file to sign", examples=["1795424400.{}"]
    )
    method: MethodField = Field(default="hmac_sha256", description=_METHOD, examples=["hmac_sha256"])
    account: AccountField = Field(description="The secret, or the private key", examples=["acc_1"])
    encoding: Annotated[
        Encoding, Select(options=get_args(Encoding), labels=("Hex", "Base64", "Base64 for addresses"))
    ] = Field(default="hex", description="How the signature is written", examples=["base64"])


@action(
    "security.sign",
    title="Sign",
    category="security",
    icon="pen",
    subtitle="HMAC or private key",
    keywords=("hmac", "signature", "ed25519", "rsa", "ecdsa", "webhook", "crypto"),
)
async def sign(params: Sign, credentials: Credentials, files: Files) -> str:
    """Sign a text, a record or a file, so that the receiver can check who sent it and that nothing was changed.

    With a list: each value is signed by itself.
    """
    content = await bytes_of(params.value, files)
    if params.method in HMACS:
        return written(_hmac(params.method, await secret_of(params.account, credentials), content), params.encoding)
    key = _private(await key_of(params.account, credentials))
    try:
        signature = SIGNERS[params.method](key, content)
    except (AttributeError, TypeError, ValueError) as error:
        raise _other_key(params.method) from error
    return written(signature, params.encoding)


class Verify(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="What was signed, exactly as it came: for a webhook the raw body", examples=['{"id": 7}']
    )
    signature: Annotated[str, Port()] = Field(
        description="The signature, in hex or Base64; a beginning such as sha256= is passed over",
        examples=["sha256=9f86d081884c7d65"],
    )
    method: MethodField = Field(default="hmac_sha256", description=_METHOD, examples=["hmac_sha256"])
    account: AccountField = Field(description="The secret, or the public key", examples=["acc_1"])


@action(
    "security.verify",
    title="Verify signature",
    category="security",
    icon="shield-check",
    outputs=(
        Output("valid", "Valid", "The value, if the signature is right"),
        Output("invalid", "Not valid", "The value, if it is not"),
    ),
    subtitle="Is it really from them?",
    keywords=("hmac", "signature", "webhook", "ed25519", "rsa", "check", "authentic", "github", "stripe", "slack"),
)
async def verify(params: Verify, credentials: Credentials, files: Files) -> Fired:
    """Check a signature, and send the value to Valid or Not valid.

    Where a service signs more than the body (a time in front, for example), write that text with a template first.

    With a list: each value is checked by itself and dealt out, in order.
    """
    content = await bytes_of(params.value, files)
    candidates = read(_without_prefix(params.signature.strip()), "signature")
    if params.method in HMACS:
        wanted = _hmac(params.method, await secret_of(params.account, credentials), content)
        held = [hmac.compare_digest(wanted, candidate) for candidate in candidates]
        return Fired("valid" if any(held) else "invalid", params.value)
    key = _public(await key_of(params.account, credentials))
    valid = any(_holds(params.method, key, candidate, content) for candidate in candidates)
    return Fired("valid" if valid else "invalid", params.value)


def _without_prefix(signature: str) -> str:
    """`sha256=…` as services write it; the = at the end of Base64 is none."""
    name, _, rest = signature.partition("=")
    return rest if rest.strip("=") and name.isalnum() and len(name) <= 10 else signature


def _hmac(method: str, secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, HMACS[method]).digest()


HMACS: Mapping[str, Any] = {
    "hmac_sha256": hashlib.sha256,
    "hmac_sha512": hashlib.sha512,
    "hmac_sha1": hashlib.sha1,
}


def _private(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        return load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadParams(
            "The account holds no private key that can be read.",
            field="account",
            hint="Enter the key again as PEM text without a password, from BEGIN PRIVATE KEY to END PRIVATE KEY.",
        ) from error


def _public(pem: str) -> Any:
    """The public key, also of a private one."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    if "PRIVATE KEY" in pem:
        return _private(pem).public_key()
    try:
        return load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise BadParams("The account holds no public key that can be read.", field="account") from error


def _other_key(method: str) -> BadParams:
    return BadParams(f"The account's key is not one for {method}.", field="method", hint="Choose the key's own method.")


def _rsa(pss: bool) -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    if not pss:
        return padding.PKCS1v15(), SHA256()
    return padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH), SHA256()


def _ecdsa() -> Any:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    return ECDSA(SHA256())


SIGNERS: Mapping[str, Callable[[Any, bytes], bytes]] = {
    "ed25519": lambda key, content: key.sign(content),
    "ecdsa_sha256": lambda key, content: key.sign(content, _ecdsa()),
    "rsa_pss_sha256": lambda key, content: key.sign(content, *_rsa(True)),
    "rsa_sha256": lambda key, content: key.sign(content, *_rsa(False)),
}
VERIFIERS: Mapping[str, Callable[[Any, bytes, bytes], None]] = {
    "ed25519": lambda key, signature, content: key.verify(signature, content),
    "ecdsa_sha256": lambda key, signature, content: key.verify(signature, content, _ecdsa()),
    "rsa_pss_sha256": lambda key, signature, content: key.verify(signature, content, *_rsa(True)),
    "rsa_sha256": lambda key, signature, content: key.verify(signature, content, *_rsa(False)),
}


def _holds(method: str, key: Any, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        VERIFIERS[method](key, signature, content)
    except InvalidSignature:
        return False
    except (AttributeError, TypeError, ValueError) as error:
        raise _other_key(method) from error
    return True
