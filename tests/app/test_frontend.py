"""The parts of the front-end build that do not need bun; tests/app/test_stack.py serves the whole."""

import gzip
from pathlib import Path

import pytest

from app import frontend


def client_with(folder: Path, text: str) -> Path:
    (folder / "assets").mkdir()
    script = folder / "assets" / "reflex-env-ab12.js"
    script.write_text(text)
    script.with_name(f"{script.name}.gz").write_bytes(gzip.compress(text.encode()))
    return script


@pytest.mark.parametrize("quote", ["`", '"', "'"])
def test_baked_addresses_become_the_pages_own(tmp_path: Path, quote: str) -> None:
    baked = f"var e={{PING:{quote}http://localhost:8400/ping{quote},EVENT:{quote}ws://localhost:8400/_event{quote}}};"
    script = client_with(tmp_path, baked)
    frontend._serve_every_address(tmp_path)
    assert script.read_text() == (
        'var e={PING:location.origin+"/ping",EVENT:location.origin.replace(/^http/,"ws")+"/_event"};'
    )
    assert gzip.decompress(script.with_name(f"{script.name}.gz").read_bytes()) == script.read_bytes()


def test_a_build_that_bakes_its_address_in_elsewhere_is_refused(tmp_path: Path) -> None:
    client_with(tmp_path, "var e={};")
    with pytest.raises(frontend.BuildFailed, match="bakes its address in elsewhere"):
        frontend._serve_every_address(tmp_path)


def test_a_changed_source_makes_the_build_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in frontend.INPUT_FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    page = tmp_path / "app" / "pages" / "home.py"
    route = tmp_path / "app" / "api" / "main.py"
    for path in (page, route):
        path.parent.mkdir(parents=True)
        path.write_text("first")
    monkeypatch.setattr(frontend, "CHECKOUT", tmp_path)
    monkeypatch.setattr(frontend, "STAMP", tmp_path / "inputs.sha256")
    assert not frontend.is_fresh()
    frontend.STAMP.write_text(frontend.inputs_hash())
    assert frontend.is_fresh()
    route.write_text("changed")
    assert frontend.is_fresh()
    page.write_text("changed")
    assert not frontend.is_fresh()


def test_a_lock_that_was_only_laid_out_anew_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages, pins = tmp_path / "package.json", tmp_path / "bun.lock"
    packages.write_text('{\n  "dependencies": {"react": "19.3.1"}\n}')
    pins.write_text("react 19.3.1")
    monkeypatch.setattr(frontend, "LOCK_FOLDER", tmp_path)
    before = frontend._read_lock()
    packages.write_text('{"dependencies": {"react": "19.3.1"}}')
    assert not frontend._settle_lock(before)
    assert frontend._read_lock() == before
    packages.write_text('{"dependencies": {"react": "19.4.0"}}')
    assert frontend._settle_lock(before)
    assert "19.4.0" in packages.read_text()
