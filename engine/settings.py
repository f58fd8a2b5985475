"""Every setting of Weft, read from the environment here and nowhere else."""

import base64
import hashlib
import os
import re
import secrets
import tempfile
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parents[1]
LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero
SHORTEST_SECRET_KEY = 32
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class SettingsError(ValueError):
    """One or more settings are wrong. The message is one sentence per setting, fit to be shown."""


class Settings(BaseSettings):
    """The settings of this process. `settings()` is the way to get them.

    Plain names (`PORT`, `DATABASE_URL`, …) are what hosting platforms set; the rest starts with `WEFT_`.
    """

    model_config = SettingsConfigDict(
        env_prefix="WEFT_", extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    env: Literal["development", "staging", "production"] = "development"
    home: Path = Field(default=CHECKOUT / ".weft", description="Folder of all data.")
    port: int = Field(default=8400, ge=1, le=65535, validation_alias="PORT")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    redis_url: str = Field(default="", validation_alias="REDIS_URL")
    public_url: str = Field(default="", validation_alias="PUBLIC_URL")
    owner_email: str = ""
    owner_password: SecretStr = SecretStr("")
    workers: int = Field(default=1, ge=1, le=64)
    secret_key_text: SecretStr | None = Field(default=None, validation_alias="WEFT_SECRET_KEY")
    allow_private_network: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts and CIDR blocks that outgoing HTTP may reach although they are private.",
    )
    integrations: Path | None = Field(default=None, description="A folder of your own integrations, beside ours.")
    lease_seconds: int = Field(default=15, ge=1, description="How long a claimed segment stays its worker's.")
    metrics_token: SecretStr | None = Field(default=None, description="Bearer token that may read /metrics.")
    otlp_endpoint: str = Field(
        default="",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where OpenTelemetry traces go, such as http://localhost:4318. None are made without it.",
    )
    output_megabytes: int = Field(default=1024, ge=1, description="How large one output of a step may be.")
    run_megabytes: int = Field(default=8192, ge=1, description="How much a run may store in results.")
    run_rows: int = Field(default=1_000_000, ge=100, description="How many steps and items a run may record.")
    shard_items: int = Field(
        default=50_000, ge=1, description="From how many items on a list is dealt out to all workers."
    )
    run_log_lines: int = Field(default=10_000, ge=0, description="How many log lines of steps a run keeps.")
    payloads: str = Field(
        default="",
        description="Where large values and files lie: s3://bucket/prefix, or nothing for a folder in the home.",
    )
    s3_endpoint: str = Field(
        default="",
        validation_alias=AliasChoices("WEFT_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        description="Address of the S3-compatible store; Amazon's own if nothing is given.",
    )
    s3_region: str = Field(
        default="", validation_alias=AliasChoices("WEFT_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
    )
    s3_access_key_id: str = Field(
        default="",
        validation_alias=AliasChoices("WEFT_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        description="With no key given, the role of the machine or container is used.",
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("WEFT_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY")
    )
    s3_session_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("WEFT_S3_SESSION_TOKEN", "AWS_SESSION_TOKEN")
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, JSON elsewhere."
    )

    @field_validator("allow_private_network", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        scheme = value.partition("://")[0].partition("+")[0]
        if value and (scheme not in ("sqlite", "postgres", "postgresql") or "://" not in value):
            raise ValueError("must begin with sqlite:/// or postgresql://, such as postgresql://user@host:5432/weft")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://, such as redis://host:6379/0")
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise ValueError("must be an address such as https://weft.example.com")
        return value.rstrip("/")

    @field_validator("payloads")
    @classmethod
    def _bucket(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme != "s3" or not BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment):
            raise ValueError(
                "must name a bucket, such as s3://bucket/prefix; endpoint and keys have their own settings"
            )
        return value.rstrip("/")

    @field_validator("s3_endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username):
            raise ValueError("must be an address such as https://s3.example.com, without a key")
        return value.rstrip("/")

    @field_validator("secret_key_text")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET_KEY:
            raise ValueError(f"must hold at least {SHORTEST_SECRET_KEY} random characters")
        return value

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _derive(self) -> "Settings":
        derived = {
            "database_url": self.database_url or f"sqlite:///{self.home / 'weft.db'}",
            "redis_url": self.redis_url or f"unix://{self.embedded_socket}?db=0",
            "public_url": self.public_url or f"http://localhost:{self.port}",
        }
        self.__dict__.update(derived)
        return self

    @property
    def payloads_bucket(self) -> str:
        """The bucket that payloads lie in; empty if they lie on disk."""
        return urlsplit(self.payloads).netloc

    @property
    def payloads_prefix(self) -> str:
        """What the names of all objects in the bucket begin with, without slashes around it."""
        return urlsplit(self.payloads).path.strip("/")

    @property
    def embedded_redis(self) -> bool:
        """Whether `./weft up` runs its own Valkey: no REDIS_URL was given."""
        return "redis_url" not in self.model_fields_set

    @property
    def embedded_socket(self) -> Path:
        """The unix socket of the embedded Valkey: inside `home`, or a short folder if too long."""
        inside = self.home / "valkey.sock"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"weft-{os.getuid()}-{name}" / "valkey.sock"

    @property
    def secret_key_file(self) -> Path:
        """Where the generated secret key lies, if `WEFT_SECRET_KEY` is not set."""
        return self.home / "secret.key"

    @cached_property
    def secret_key(self) -> bytes:
        """32 bytes from which every key of this installation is derived (HKDF with a label per use).

        From `WEFT_SECRET_KEY`, or else from `secret.key` in `home`, created by its first reader, mode 0600.
        """
        if self.secret_key_text is not None:
            text = self.secret_key_text.get_secret_value()
        else:
            text = _read_or_create_secret(self.secret_key_file)
        return key_from(text)


def key_from(text: str) -> bytes:
    """The 32 bytes that the text of a secret key stands for."""
    return hashlib.sha256(text.strip().encode()).digest()


def _read_or_create_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # fails if another process was quicker; then its key is the one
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    text = path.read_text().strip()
    if len(text) < SHORTEST_SECRET_KEY:
        raise SettingsError(f"The secret key in {path} is damaged: restore this file from a backup.")
    return text


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else "settings"
        info = Settings.model_fields.get(field)
        alias = info.validation_alias if info else field
        name = alias if isinstance(alias, str) else f"WEFT_{field.upper()}"
        said = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name} is not right: {said[:1].lower()}{said[1:]}.")
    return "\n".join(lines)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once; `settings.cache_clear()` reads them again.

    Raises:
        SettingsError: a setting has an impossible value; one sentence each.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None
