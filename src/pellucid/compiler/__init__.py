"""From a Graph to machine code: passes rewrite it, `program` lays it out, `codegen` emits LLVM."""
