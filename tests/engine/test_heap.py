"""What a long-lived process does about its heap, seen in a process of its own."""

import subprocess
import sys

SCRIPT = """
import gc
from engine import heap
gc.collect()
before = gc.get_freeze_count()
heap.settle()
assert before == 0 and gc.get_freeze_count() > 1000
class Node: pass
for _ in range(heap.YOUNGEST + 1000):
    node = Node(); node.me = node
assert sum(isinstance(one, Node) for one in gc.get_objects()) < heap.YOUNGEST
"""


def test_what_is_loaded_is_frozen_and_circles_are_still_found() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
