"""`./weft up` with its payloads in a bucket: a run with a file and a long list, through worker and web."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import S3Server
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

pytestmark = pytest.mark.timeout(300)  # the first start builds the front end
ROWS = 30_000
DRAWING = {
    "weft": 1,
    "name": "Sheet",
    "nodes": {
        "sheet": {"type": "flow.input", "with": {"name": "sheet", "label": "Sheet", "kind": "file"}},
        "read": {"type": "files.read_csv", "with": {"file": "{{ sheet }}", "numbers": True}},
        "double": {
            "type": "data.set",
            "with": {"record": "{{ read.rows }}", "fields": {"twice": "{{ read.rows.n * 2 }}"}},
        },
        "write": {"type": "files.write_csv", "with": {"rows": "{{ double }}", "name": "double.csv"}},
        "out": {"type": "flow.output", "with": {"value": "{{ write }}", "name": "file", "label": "File"}},
    },
}


@pytest.fixture
def web(tmp_path: Path, bucket: str, s3_server: S3Server) -> Iterator[httpx.Client]:
    settings = {
        "WEFT_OWNER_EMAIL": OWNER_EMAIL,
        "WEFT_OWNER_PASSWORD": OWNER_PASSWORD,
        "WEFT_PAYLOADS": f"s3://{bucket}/weft",
        "AWS_ENDPOINT_URL_S3": s3_server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "weft",
        "AWS_SECRET_ACCESS_KEY": "not to be shown",
    }
    stack = Stack(tmp_path / "stack", settings).start()
    try:
        with httpx.Client(base_url=stack.url, timeout=120) as client:
            proof = client.post("/api/v1/tokens", json={"email": OWNER_EMAIL, "password": OWNER_PASSWORD}).json()
            client.headers["Authorization"] = f"Bearer {proof['access_token']}"
            yield client
    finally:
        assert stack.stop() == 0
    assert not (stack.home / "payloads").exists()
    for log in stack.home.rglob("*.log"):
        assert "not to be shown" not in log.read_text()


def test_a_file_and_a_long_list_through_worker_and_web(web: httpx.Client, s3_server: S3Server, bucket: str) -> None:
    text = "n\n" + "".join(f"{n}\n" for n in range(ROWS))
    file = web.post("/api/v1/files", files={"file": ("rows.csv", text, "text/csv")}).raise_for_status().json()
    made = web.post("/api/v1/workflows", json=DRAWING).raise_for_status().json()["id"]
    started = web.post(f"/api/v1/workflows/{made}/runs?wait=60", json={"use": "draft", "inputs": {"sheet": file}})
    run = started.json()
    assert run["status"] == "done", run
    page = web.get(f"/api/v1/runs/{run['id']}/steps/double/items", params={"start": ROWS - 1, "stop": ROWS + 1})
    assert page.json()["items"] == [{"n": ROWS - 1, "twice": 2 * (ROWS - 1)}]
    content = web.get(f"/api/v1/files/{run['outputs']['file']['$file']}").raise_for_status().text
    assert content.splitlines()[-1] == f"{ROWS - 1},{2 * (ROWS - 1)}"
    assert web.get("/readyz").json()["payloads"] == "ok"
    asked = s3_server.ask("requests", bucket=bucket)
    assert {method for method, *_ in asked} >= {"GET", "PUT", "HEAD"}
    assert len(asked) < 200
