"""What the suites share: what this machine can do, how Fumehood is started and its record read, how the kernel is asked."""
