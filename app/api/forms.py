"""Published forms, for visitors: what to fill in, submit, follow the result."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import address_of, counted
from app.api.files import BYTES, LARGEST_UPLOAD, UPLOAD, FileId, attachment, uploaded
from app.services import files, forms, unit
from app.services.forms import Form, FormResult
from app.services.held_values import Items

router = APIRouter(prefix="/forms/{token}", tags=["Forms"], dependencies=[Depends(counted)])

Token = Annotated[str, Path(max_length=64, description="The last part of the form's address")]


class Submission(BaseModel):
    """What the visitor filled in, by the names of the inputs."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Any] = Field(default_factory=dict)


class Submitted(BaseModel):
    """The run that the form started."""

    run_id: str


@router.get("")
async def read_form(token: Token) -> Form:
    """What the form asks."""
    return await unit.ask(forms.get_form, token)


@router.post("/files", status_code=201, openapi_extra=UPLOAD, max_body_size=LARGEST_UPLOAD)
async def upload_to_form(token: Token, request: Request) -> dict[str, Any]:
    """Store a file for a submission."""
    await unit.ask(forms.get_form, token)
    async with uploaded(request) as file:
        kept = await forms.upload(token, file.file, file.filename or "", file.content_type or "", address_of(request))
    return files.reference(kept)


@router.post("/runs", status_code=202)
async def submit_form(token: Token, request: Request, body: Submission) -> Submitted:
    """Run the published version with these values."""
    return Submitted(run_id=await forms.submit(token, body.inputs, address_of(request)))


@router.get("/runs/{run_id}")
async def read_result(token: Token, run_id: str) -> FormResult:
    """How the run is, with its results once it is done."""
    return await unit.ask(forms.result, token, run_id)


@router.get("/runs/{run_id}/results/{node_id}")
async def read_result_items(
    token: Token,
    run_id: str,
    node_id: str,
    start: Annotated[int, Query(ge=0, le=2**53)] = 0,
    stop: Annotated[int, Query(ge=0, le=2**53)] = 50,
) -> Items:
    """A page of one of the results."""
    return await unit.ask(forms.result_items, token, run_id, node_id, start=start, stop=stop)


@router.get("/runs/{run_id}/files/{file_id}", responses=BYTES)
async def download_result(token: Token, run_id: str, file_id: FileId) -> Response:
    """A file among the results."""
    return attachment(await unit.ask(forms.result_file, token, run_id, file_id))
