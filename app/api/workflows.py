"""Workflows: documents in and out, drafts, versions, and whether they are on."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import documents
from app.api.auth import SignedIn
from app.api.documents import ANSWER, BODY, Document
from app.services import unit, workflows
from app.services.versions import Version
from app.services.workflows import WorkflowRow
from engine.problem import Problem

router = APIRouter(prefix="/workflows", tags=["Workflows"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="A version's number")]


class Created(BaseModel):
    """Where the new workflow is."""

    id: str


class State(BaseModel):
    """The draft after a change."""

    seq: int = Field(description="Counts the edits of the draft; also its ETag")
    problems: list[Problem]


class Note(BaseModel):
    """What a version is about."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=500, description="What changed")


class Switch(BaseModel):
    """Whether triggers fire."""

    model_config = ConfigDict(extra="forbid")

    on: bool


class Problems(BaseModel):
    """What is wrong with a drawing; nothing if the list is empty."""

    problems: list[Problem]


@router.get("")
async def list_workflows(
    actor: SignedIn, search: Annotated[str, Query(max_length=200, description="A part of the name")] = ""
) -> list[WorkflowRow]:
    """The workspace's workflows, changed last first."""
    return await unit.ask(workflows.list_workflows, actor, search)


@router.post("", status_code=201, openapi_extra=BODY)
async def create_workflow(actor: SignedIn, document: Document, response: Response) -> Created:
    """Make a workflow of this document."""
    workflow_id = await unit.ask(workflows.create, actor, "", document)
    response.headers["Location"] = f"/api/v1/workflows/{workflow_id}"
    return Created(id=workflow_id)


@router.get("/schema")
async def read_schema(actor: SignedIn) -> dict[str, Any]:
    """The JSON Schema of a workflow document, with the settings of every installed node."""
    del actor
    return workflows.schema()


@router.get("/trash")
async def list_trash(actor: SignedIn) -> list[WorkflowRow]:
    """What was deleted and can come back."""
    return await unit.ask(workflows.trash, actor)


@router.post("/validate", openapi_extra=BODY)
async def validate_document(actor: SignedIn, document: Document) -> Problems:
    """What is wrong with a document, without storing it."""
    return Problems(problems=list(await unit.ask(workflows.validate, actor, document)))


@router.get("/{workflow_id}", responses=ANSWER)
async def read_workflow(actor: SignedIn, workflow_id: str, request: Request) -> Response:
    """The draft as a document. The ETag is the number of its last edit."""
    if documents.wants_yaml(request):
        seq, text = await unit.ask(workflows.text, actor, workflow_id)
        return documents.answer(text, {"ETag": f'"{seq}"'})
    seq, body = await unit.ask(workflows.body, actor, workflow_id)
    return documents.answer(body, {"ETag": f'"{seq}"'})


@router.put("/{workflow_id}", openapi_extra=BODY)
async def replace_workflow(actor: SignedIn, workflow_id: str, document: Document, request: Request) -> State:
    """Put a whole document in the draft's place, as one edit that can be undone.

    With If-Match, only if the draft is still at that edit.
    """
    expected = request.headers.get("if-match", "*").strip().strip('"')
    seq = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 10 else None
    if expected != "*" and seq is None:
        seq = -1
    result = await unit.ask(workflows.replace, actor, workflow_id, document, seq=seq)
    return State(seq=result.seq, problems=list(result.problems))


@router.delete("/{workflow_id}", status_code=204)
async def delete_workflow(actor: SignedIn, workflow_id: str) -> None:
    """Turn the workflow off and put it in the trash."""
    await unit.ask(workflows.delete, actor, workflow_id)


@router.post("/{workflow_id}/undelete", status_code=204)
async def undelete_workflow(actor: SignedIn, workflow_id: str) -> None:
    """Take the workflow out of the trash; it stays off."""
    await unit.ask(workflows.undelete, actor, workflow_id)


@router.get("/{workflow_id}/problems")
async def read_problems(actor: SignedIn, workflow_id: str) -> Problems:
    """What is wrong with the draft."""
    draft = await unit.ask(workflows.get, actor, workflow_id)
    return Problems(problems=list(draft.problems))


@router.post("/{workflow_id}/publish", status_code=201)
async def publish_workflow(actor: SignedIn, workflow_id: str, body: Note | None = None) -> Version:
    """Fix the draft as the next version, which triggers run from now on."""
    return await unit.ask(workflows.publish, actor, workflow_id, body.note if body else "")


@router.get("/{workflow_id}/versions")
async def list_versions(actor: SignedIn, workflow_id: str) -> list[Version]:
    """What was published, newest first."""
    return await unit.ask(workflows.versions, actor, workflow_id)


@router.get("/{workflow_id}/versions/{number}", responses=ANSWER)
async def read_version(actor: SignedIn, workflow_id: str, number: Number, request: Request) -> Response:
    """A published version as a document."""
    if documents.wants_yaml(request):
        return documents.answer((await unit.ask(workflows.text, actor, workflow_id, number))[1])
    return documents.answer((await unit.ask(workflows.body, actor, workflow_id, number))[1])


@router.post("/{workflow_id}/versions/{number}/restore")
async def restore_version(actor: SignedIn, workflow_id: str, number: Number) -> State:
    """Make the draft what this version is, as an edit that can be undone."""
    result = await unit.ask(workflows.restore, actor, workflow_id, number)
    return State(seq=result.seq, problems=list(result.problems))


@router.put("/{workflow_id}/on", status_code=204)
async def switch_workflow(actor: SignedIn, workflow_id: str, body: Switch) -> None:
    """Let the triggers of the published version fire, or not."""
    await unit.ask(workflows.set_on, actor, workflow_id, body.on)
