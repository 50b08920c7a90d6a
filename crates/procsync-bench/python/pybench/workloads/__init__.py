"""What the contenders are made to do: a file for each workload, with a function `run` that answers its tables."""
