"""The machine: disk, storage, JSON, signals, processes, progress."""
