from pathlib import Path

import pytest
from pydantic import AliasChoices

from engine.settings import CHECKOUT, Settings, SettingsError, settings


def read_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


def test_defaults_keep_everything_in_home(tmp_path: Path) -> None:
    read = settings()
    assert read.home == tmp_path / "home"
    assert read.database_url == f"sqlite:///{tmp_path}/home/weft.db"
    assert read.port == 8400
    assert read.public_url == "http://localhost:8400"
    assert read.embedded_redis


def test_given_values_win_and_blank_ones_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    read_with(monkeypatch, PORT="9000", DATABASE_URL="", REDIS_URL="redis://localhost:6379/3")
    assert settings().port == 9000
    assert settings().database_url.startswith("sqlite:///")
    assert settings().redis_url == "redis://localhost:6379/3"
    assert not settings().embedded_redis


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "99999", "PORT is not right: input should be less than or equal to 65535."),
        (
            "DATABASE_URL",
            "mysql://x",
            "DATABASE_URL is not right: must begin with sqlite:/// or postgresql://",
        ),
        ("REDIS_URL", "localhost", "REDIS_URL is not right: must begin with redis://"),
        ("PUBLIC_URL", "weft.example.com", "PUBLIC_URL is not right: must be an address such as https://"),
        ("WEFT_WORKERS", "many", "WEFT_WORKERS is not right: "),
        ("WEFT_SECRET_KEY", "short", "WEFT_SECRET_KEY is not right: must hold at least 32"),
    ],
)
def test_a_wrong_value_gets_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    read_with(monkeypatch, **{name: value})
    with pytest.raises(SettingsError) as raised:
        settings()
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


def test_private_network_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    read_with(monkeypatch, WEFT_ALLOW_PRIVATE_NETWORK="10.0.0.0/8, db.internal")
    assert settings().allow_private_network == ("10.0.0.0/8", "db.internal")


def test_a_long_home_gets_a_short_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read_with(monkeypatch, WEFT_HOME=str(tmp_path / ("deep" * 30)))
    assert len(str(settings().embedded_socket)) <= 100
    assert not settings().embedded_socket.is_relative_to(settings().home)


def test_the_generated_secret_key_is_private_and_stays(tmp_path: Path) -> None:
    first = settings().secret_key
    assert len(first) == 32
    assert settings().secret_key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret.key"]
    settings.cache_clear()
    assert settings().secret_key == first


def test_a_given_secret_key_is_used_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read_with(monkeypatch, WEFT_SECRET_KEY="k" * 40, WEFT_OWNER_PASSWORD="hunter2-hunter2")
    assert len(settings().secret_key) == 32
    assert not (tmp_path / "home").exists()
    assert "k" * 40 not in repr(settings())
    assert "hunter2" not in repr(settings())


def test_every_setting_is_documented() -> None:
    documented = (CHECKOUT / "docs" / "how-to" / "run-it.md").read_text()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias or f"WEFT_{name.upper()}"
        assert f"`{alias.choices[0] if isinstance(alias, AliasChoices) else alias}`" in documented


@pytest.mark.parametrize(
    "value", ["s3://", "s3://a", "bucket/prefix", "s3://key:secret@bucket", "s3://bucket?x=1", "S3"]
)
def test_what_names_no_bucket_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    read_with(monkeypatch, WEFT_PAYLOADS=value)
    with pytest.raises(SettingsError, match="WEFT_PAYLOADS is not right: must name a bucket"):
        settings()


def test_a_bucket_by_the_usual_names(monkeypatch: pytest.MonkeyPatch) -> None:
    read_with(
        monkeypatch,
        WEFT_PAYLOADS="s3://my.bucket/a/b/",
        AWS_ENDPOINT_URL="http://localhost:9000/",
        AWS_REGION="eu-west-1",
        AWS_ACCESS_KEY_ID="me",
        AWS_SECRET_ACCESS_KEY="not to be shown",
    )
    found = settings()
    assert (found.payloads_bucket, found.payloads_prefix) == ("my.bucket", "a/b")
    assert (found.s3_endpoint, found.s3_region, found.s3_access_key_id) == ("http://localhost:9000", "eu-west-1", "me")
    assert "not to be shown" not in repr(found)
    read_with(monkeypatch, WEFT_S3_ENDPOINT="localhost:9000")
    with pytest.raises(SettingsError, match="WEFT_S3_ENDPOINT is not right: must be an address such as"):
        settings()
