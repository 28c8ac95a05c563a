"""Where a worker finds what it has to do: what machine code and Python agree on.

A box holds the worker's state, and in another cache line the job: which kind of entry, its address,
and its arguments.
"""

from __future__ import annotations

# Looks out; has work; has left; is asked to leave; looks out and must not leave.
IDLE, POSTED, PARKED, CALLED, RESERVED = range(5)
RUN, TRAIN = 0, 1  # run(slots, rows, steps, thread, threads); train(control, thread, threads)
WORDS = 7  # of a job: kind, address, up to five arguments
JOB = 64  # bytes from the box
MAILBOX_BYTES = 128
