"""Where runs begin, branch, meet, wait and answer."""

from integrations.core.flow.branches import branch, router
from integrations.core.flow.calls import race, run_workflow
from integrations.core.flow.containers import attempt, for_each, repeat
from integrations.core.flow.control import respond, stop
from integrations.core.flow.inputs import receive
from integrations.core.flow.merge import merge
from integrations.core.flow.outputs import show
from integrations.core.flow.still import do_nothing, note
from integrations.core.flow.switch import switch
from integrations.core.flow.triggers import manual, schedule, webhook
from integrations.core.flow.waiting import approval, wait, wait_for_call

NODES = (
    *(manual, webhook, schedule, receive, show),
    *(branch, router, switch, merge, respond, stop),
    *(wait, wait_for_call, approval),
    *(for_each, repeat, attempt, run_workflow, race),
    *(do_nothing, note),
)
