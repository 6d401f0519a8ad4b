"""Many sessions computed again, on this machine or on a cluster: which, by which workers, and where their results stand.

Each session is a task of its own. Everything is decided where it is computed: whether its result is there already, and whether
another one was faster. So a task may be lost or done twice, and there is still one result.
"""
