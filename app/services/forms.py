"""Published forms: a public address that runs the published version with what a visitor fills in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import files, held_values, inputs, run_data, runs, secrets, unit
from app.services.access import Actor, owned
from app.services.drafts import find
from app.services.errors import Conflict, Invalid, NotFound
from app.services.inputs import Input
from app.services.limits import Limit, limiter
from app.services.unit import reads
from app.services.versions import published
from engine import document
from engine.contract import File
from engine.models import FormLink, Run, Workflow, Workspace

_SUBMISSIONS = Limit("form", 30, 600)
_UPLOADS = Limit("form-upload", 30, 600)


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a visitor sees it. ``button`` is what its button says while the sample is filled in.

    ``run_label`` is the same with ``{count}`` in the place of the number of rows.
    """

    token: str
    workflow: str
    workspace: str
    description: str
    button: str
    run_label: str
    inputs: list[Input]


@dataclass(frozen=True, slots=True)
class FormResult:
    """How a visitor's run is, with its results once it is done."""

    run_id: str
    status: str
    seconds: float
    error: str
    results: list[run_data.Result]


def publish_form(db: Session, actor: Actor, workflow_id: str) -> str:
    """The token of the form's address; the same as long as the form is published. Raises Conflict."""
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    graph = document.load(published(db, actor, workflow).document)
    if not inputs.inputs_of(graph):
        raise Conflict("A form needs at least one Input node in what is published.")
    row = _link(db, actor, workflow_id)
    if row is None:
        row = FormLink(workspace_id=actor.workspace_id, workflow_id=workflow_id, token=secrets.new_token())
        db.add(row)
    if not row.enabled:
        row.enabled, row.token = True, secrets.new_token()
    return row.token


def unpublish_form(db: Session, actor: Actor, workflow_id: str) -> None:
    """Close the address for good; publishing again gives another one."""
    actor.need("editor")
    find(db, actor, workflow_id)
    row = _link(db, actor, workflow_id)
    if row is not None:
        row.enabled = False


@reads
def form_token(db: Session, actor: Actor, workflow_id: str) -> str:
    """The token of the workflow's form, or an empty text while it has none."""
    row = _link(db, actor, workflow_id)
    return row.token if row is not None and row.enabled else ""


@reads
def get_form(db: Session, token: str) -> Form:
    """What the form asks; raises NotFound when the address is unknown or closed."""
    actor, workflow = visitor(db, token)
    graph = document.load(published(db, actor, workflow).document)
    name = select(col(Workspace.name)).where(col(Workspace.id) == actor.workspace_id)
    return Form(
        token=token,
        workflow=workflow.name,
        workspace=db.scalar(name) or "",
        description=str(workflow.settings.get("description") or ""),
        button=run_words(workflow),
        run_label=str(workflow.settings.get("run_label") or "Run"),
        inputs=inputs.inputs_of(graph),
    )


async def submit(token: str, values: Mapping[str, Any], address: str) -> str:
    """Start the published version for a visitor; returns the run's id, under which only this form shows the result."""
    await limiter().need(
        _SUBMISSIONS, f"{token}:{address}", "Too many submissions. Wait a few minutes, then try again."
    )
    actor, workflow_id = await unit.ask(_submission, token, values)
    started = await runs.start(actor, workflow_id, inputs=values, use="published", source="form")
    return started.run_id


async def upload(token: str, stream: BinaryIO, name: str, media_type: str, address: str) -> File:
    """Store a visitor's file for a later submission."""
    await limiter().need(_UPLOADS, f"{token}:{address}", "Too many uploads. Try again in a few minutes.")
    return await unit.ask(_keep, token, stream, name, media_type)


@reads
def result(db: Session, token: str, run_id: str) -> FormResult:
    """The results of a run that this form started; raises NotFound for any other run."""
    actor, workflow = visitor(db, token)
    row = _form_run(db, actor, workflow, run_id)
    detail = runs.get(db, actor, row.id)
    shown = run_data.results(db, actor, run_id) if row.status == "done" else []
    error = "" if row.status != "failed" else "This did not work. Tell the owner of this form."
    return FormResult(run_id, row.status, detail.row.seconds, error, shown)


@reads
def result_items(db: Session, token: str, run_id: str, node_id: str, *, start: int, stop: int) -> held_values.Items:
    """A page of one result of a run that this form started."""
    actor, workflow = visitor(db, token)
    row = _form_run(db, actor, workflow, run_id)
    shown = runs.graph(db, actor, run_id).nodes.get(node_id)
    if shown is None or shown.type != "flow.output":
        raise NotFound("result")
    return run_data.items(db, actor, row.id, node_id, start=start, stop=stop)


@reads
def result_file(db: Session, token: str, run_id: str, file_id: str) -> files.Content:
    """A file among the results of a run that this form started."""
    actor, workflow = visitor(db, token)
    _form_run(db, actor, workflow, run_id)
    held = [one.value for one in run_data.results(db, actor, run_id)]
    if not any(isinstance(value, Mapping) and value.get("$file") == file_id for value in held):
        raise NotFound("file")
    return files.download(db, actor, file_id)


def visit(db: Session, token: str, run_id: str) -> Actor:
    """The actor who may look at this run because this form started it; raises NotFound for any other run."""
    actor, workflow = visitor(db, token)
    _form_run(db, actor, workflow, run_id)
    return actor


def visitor(db: Session, token: str) -> tuple[Actor, Workflow]:
    """The form's workflow, and an actor who may run it and nothing else."""
    link = db.scalar(select(FormLink).where(col(FormLink.token) == token, col(FormLink.enabled).is_(True)))
    if link is None:
        raise NotFound("form")
    actor = Actor("", link.workspace_id, "editor", via="form")
    try:
        return actor, find(db, actor, link.workflow_id)
    except NotFound:
        raise NotFound("form") from None


def run_words(workflow: Workflow) -> str:
    """What the button says that runs this workflow, with the number of rows while its sample is filled in."""
    label, rows = str(workflow.settings.get("run_label") or "Run"), workflow.settings.get("sample_rows")
    return label.replace("{count}", f"{rows:,}") if rows else " ".join(label.replace("{count}", "").split())


def _link(db: Session, actor: Actor, workflow_id: str) -> FormLink | None:
    return db.scalar(select(FormLink).where(owned(FormLink, actor), col(FormLink.workflow_id) == workflow_id))


def _form_run(db: Session, actor: Actor, workflow: Workflow, run_id: str) -> Run:
    run = runs.find(db, actor, run_id)
    if run.workflow_id != workflow.id or run.source != "form":
        raise NotFound("run")
    return run


@reads
def _submission(db: Session, token: str, values: Mapping[str, Any]) -> tuple[Actor, str]:
    actor, workflow = visitor(db, token)
    _refuse_foreign_files(db, actor, values)
    return actor, workflow.id


def _refuse_foreign_files(db: Session, actor: Actor, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and "$file" in value:
            try:
                files.download(db, actor, str(value["$file"])).stream.close()
            except NotFound:
                raise Invalid.field(name, "Upload this file again: it is not here any more.") from None


def _keep(db: Session, token: str, stream: BinaryIO, name: str, media_type: str) -> File:
    actor, _ = visitor(db, token)
    return files.keep(db, actor, stream, name, media_type)
