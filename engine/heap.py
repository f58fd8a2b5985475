"""What a process that lives long does once about its heap, when it has loaded everything."""

import gc

# Objects made since the last look before the youngest are looked at again. A run makes some hundreds that are all freed
# by counting references; Python's 700 would look through them several times in each run.
YOUNGEST = 20_000


def settle() -> None:
    """Look no more at what is loaded, and seldom at what is young.

    The modules, node types and pages of a process are hundreds of thousands of objects that stay until its end; looking
    through them for circles took a quarter of the time of short runs (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, 20, 20)
