"""The wire protocol of the hub, PURE: bytes and values in, values out, time as an argument.

GotAPI has two independent server lineages whose clients contradict each other; `Lineage` names
them and `errors.error_body` is the one place where they differ in how failures look.
"""
