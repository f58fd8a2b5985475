"""RQ's bookkeeping of a job's life, many jobs in one call: enqueue, take, end.

These scripts write the keys of RQ 3.0.0 as its `Queue.enqueue_many`, `Execution.create`, `Job.prepare_for_execution`
and `Job.cleanup` do; those take about 14 commands and 0.5 ms of our time for each job. Being one script, taking is also
atomic: an id is in the queue, or its job is started. tests/engine/test_rqworker.py holds us to RQ's contract.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import orjson
import redis
from rq import Queue
from rq.defaults import RQ_KEY_PREFIX
from rq.utils import now, utcformat

KEEP_FAILED_SECONDS = 3_600

# KEYS: queue, set of queues. ARGV: name of the queue, time, then id and data of each job.
ENQUEUE: Final = """
redis.call('sadd', KEYS[2], KEYS[1])
for i = 4, #ARGV, 2 do
    local id = ARGV[i]
    -- Delivered again while it still waits: the sweep was impatient.
    if redis.call('exists', 'rq:job:' .. id) == 0 or not redis.call('lpos', KEYS[1], id) then
    redis.call('hset', 'rq:job:' .. id, 'created_at', ARGV[2], 'enqueued_at', ARGV[2], 'data', ARGV[i + 1],
        'origin', ARGV[1], 'description', id, 'timeout', -1, 'result_ttl', 0, 'failure_ttl', ARGV[3],
        'status', 'queued', 'started_at', '', 'ended_at', '', 'worker_name', '', 'group_id', '')
    redis.call('rpush', KEYS[1], id)
    end
end
"""

# KEYS: queue, intermediate queue, started registry, the worker's executions.
# ARGV: worker, time in seconds, time as text, lease, id taken already or '', then an execution's id per job wanted.
TAKE: Final = """
local jobs = {}
for i = 6, #ARGV do
    local id = ARGV[5]
    if i > 6 or id == '' then id = redis.call('lpop', KEYS[1]) end
    if not id then break end
    local key, lease = 'rq:job:' .. id, tonumber(ARGV[4])
    local stored = redis.call('hmget', key, 'data', 'timeout')
    if stored[1] then
        local name = id .. ':' .. ARGV[i]
        redis.call('hset', 'rq:execution:' .. name, 'id', ARGV[i], 'job_id', id, 'created_at', ARGV[2],
            'last_heartbeat', ARGV[2], 'worker_name', ARGV[1])
        redis.call('expire', 'rq:execution:' .. name, lease)
        redis.call('zadd', 'rq:executions:' .. id, ARGV[2] + lease + 60, ARGV[i])
        redis.call('expire', 'rq:executions:' .. id, lease + 60)
        redis.call('zadd', KEYS[3], ARGV[2] + lease, name)
        redis.call('sadd', KEYS[4], name)
        redis.call('hset', key, 'last_heartbeat', ARGV[3], 'status', 'started', 'started_at', ARGV[3],
            'worker_name', ARGV[1])
        jobs[#jobs + 1] = {id, ARGV[i], stored[1], stored[2] or ''}
    end
    if i == 6 and ARGV[5] ~= '' then redis.call('lrem', KEYS[2], 1, id) end
end
redis.call('expire', KEYS[4], ARGV[4] + 60)
return {redis.call('llen', KEYS[1]), jobs}
"""

# KEYS: started registry, the worker's executions, count of ended jobs, the worker.
# ARGV: id of job and of execution, for each job.
END: Final = """
for i = 1, #ARGV, 2 do
    local id, name = ARGV[i], ARGV[i] .. ':' .. ARGV[i + 1]
    redis.call('del', 'rq:job:' .. id, 'rq:results:' .. id, 'rq:executions:' .. id, 'rq:execution:' .. name)
    redis.call('zrem', KEYS[1], name)
    redis.call('srem', KEYS[2], name)
end
redis.call('incrby', KEYS[3], #ARGV / 2)
if KEYS[4] then redis.call('hincrby', KEYS[4], 'successful_job_count', #ARGV / 2) end
"""

# KEYS: intermediate queue, queue. ARGV: ids. Only what still is in between goes back: two cleaners may have seen it.
TAKE_BACK: Final = """
for i = 1, #ARGV do
    if redis.call('lrem', KEYS[1], 1, ARGV[i]) > 0 then redis.call('lpush', KEYS[2], ARGV[i]) end
end
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that was taken: its id, the id of this execution, what it calls, and its time limit in seconds, if any."""

    job_id: str
    execution_id: str
    data: bytes
    timeout: float | None

    def call(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """The name of the function, and its arguments. Raises ValueError for a job that is not JSON."""
        name, _instance, arguments, named = orjson.loads(_inflated(self.data))
        return name, arguments, named


def call_data(function: str, *arguments: str) -> bytes:
    """What a job calls, in the form that RQ's JSON serializer reads."""
    return orjson.dumps([function, None, arguments, {}])


def enqueue(pipe: redis.client.Pipeline, queue: Queue, jobs: Iterable[tuple[str, bytes]]) -> None:
    """Adds jobs, by id and `call_data`, at the end of the queue; the caller executes the pipeline."""
    arguments = [part for job in jobs for part in job]
    header = (queue.name, utcformat(now()), KEEP_FAILED_SECONDS)
    pipe.eval(_text(ENQUEUE), 2, queue.key, queue.redis_queues_keys, *header, *arguments)


def take(
    client: redis.Redis, queue: Queue, worker: str, lease: int, *, most: int, first: str = ""
) -> tuple[int, list[Taken]]:
    """Takes up to `most` jobs, among them `first`, which lies in the intermediate queue. Marks them as started.

    Gives how many are left waiting, and the jobs. Ids whose job was deleted vanish.
    """
    keys = (queue.key, queue.intermediate_queue_key, queue.started_job_registry.key, execution_index(worker))
    executions = [uuid4().hex for _ in range(most)]
    header = (worker, time.time(), utcformat(now()), lease, first)
    answer: Any = client.eval(_text(TAKE), len(keys), *keys, *header, *executions)
    waiting, rows = answer
    return waiting, [
        Taken(job_id.decode(), execution_id.decode(), data, _limit(timeout))
        for job_id, execution_id, data, timeout in rows
    ]


def end(
    client: redis.Redis, queue: Queue, executions: Iterable[tuple[str, str]], *, worker: str, counted_on: str = ""
) -> None:
    """Deletes jobs that ended, given by id and execution, with all their keys; counts them on a worker's key."""
    keys = [queue.started_job_registry.key, execution_index(worker), ended_key(queue)]
    keys += [counted_on] if counted_on else []
    client.eval(_text(END), len(keys), *keys, *(part for pair in executions for part in pair))


def take_back(client: redis.Redis, queue: Queue, ids: Iterable[str]) -> None:
    """Puts ids that were being taken at the head of the queue again."""
    client.eval(_text(TAKE_BACK), 2, queue.intermediate_queue_key, queue.key, *ids)


def ended_key(queue: Queue) -> str:
    """The key of the number of jobs that have ended since Redis began: what throughput is measured by."""
    return f"weft:ended:{queue.name}"


def execution_index(worker: str) -> str:
    """The key of the set of what a worker executes."""
    return f"{RQ_KEY_PREFIX}:worker:{worker}:executions"


def _text(script: str) -> str:
    return script if RQ_KEY_PREFIX == "rq" else script.replace("'rq:", f"'{RQ_KEY_PREFIX}:")


def _limit(timeout: bytes) -> float | None:
    return float(timeout) if timeout and float(timeout) > 0 else None


def _inflated(data: bytes) -> bytes:
    # RQ compresses; ours are too short for that.
    return data if data.startswith(b"[") else zlib.decompress(data)
