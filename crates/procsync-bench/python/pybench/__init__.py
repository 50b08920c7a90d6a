"""What Python programs would use for locks between processes, and procsync, doing the same work side by side.

`cargo xtask bench python` runs it; the results have the form of the other benchmarks', and `cargo xtask bench
report` puts them beside those.

- contenders/: who takes part, behind one small interface, a file each.
- workloads/: what they are made to do, a file each.
- crew.py: the other processes. taking_turns.py: rounds. figures.py, machine.py: what comes out.
"""
