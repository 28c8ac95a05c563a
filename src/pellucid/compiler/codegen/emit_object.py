"""A program of its own: LLVM IR in, an object file out. `foreign.py` runs it.

In, on the standard input: a line of JSON (path, triple, cpu, features, level), then the modules,
each behind a NUL. They become one. Out: the object. LLVM ends the whole process where it is asked
for what it cannot do: here that ends nothing else. Nothing of Pellucid is imported, for a quick
start.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Reads, emits, writes."""
    head, *texts = sys.stdin.buffer.read().split(b"\0")
    told = json.loads(head)
    sys.path[:] = told["path"]
    from llvmlite import binding

    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(told["triple"]).create_target_machine(
        cpu=told["cpu"],
        features=told["features"],
        opt=told["level"],
        reloc="static",
        codemodel="default",
    )
    whole, *others = [binding.parse_assembly(text.decode()) for text in texts]
    for module in others:
        whole.link_in(module)
    whole.data_layout = str(machine.target_data)
    whole.verify()
    sys.stdout.buffer.write(machine.emit_object(whole))


if __name__ == "__main__":
    main()
