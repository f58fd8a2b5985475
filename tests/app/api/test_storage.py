"""Sizes and retention over REST."""

from tests.app.api.conftest import Caller
from tests.app.api.test_workflows import make


async def test_retention_is_set_read_reported_and_taken_back(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}/retention"
    assert (await ada.client.get(path)).json() == {"days": None, "runs": None, "bytes": None}
    assert (await ada.client.put(path, json={"runs": 100})).status_code == 204
    assert (await ada.client.put("/api/v1/storage/retention", json={"days": 7.5})).status_code == 204
    assert (await ada.client.get(path)).json()["runs"] == 100
    report = (await ada.client.get("/api/v1/storage")).json()
    assert report["retention"] == {"days": 7.5, "runs": None, "bytes": None}
    assert [(one["runs"], one["own"], one["oldest"]) for one in report["workflows"]] == [(0, True, None)]
    assert (await ada.client.delete(path)).status_code == 204
    assert (await ada.client.get(path)).json()["days"] == 7.5


async def test_what_is_no_bound_is_refused(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}/retention"
    for wrong in ({"days": 0}, {"runs": 1.5}, {"bytes": -1}, {"hours": 1}):
        assert (await ada.client.put(path, json=wrong)).status_code == 422


async def test_uploaded_files_are_counted_once_each(ada: Caller, bob: Caller) -> None:
    for caller, content in ((ada, b"one"), (ada, b"one"), (ada, b"three"), (bob, b"other")):
        file = {"file": ("notes.txt", content, "text/plain")}
        assert (await caller.client.post("/api/v1/files", files=file)).status_code == 201
    assert (await ada.client.get("/api/v1/storage")).json()["uploads"] == {"files": 2, "bytes": 8, "days": 7}
