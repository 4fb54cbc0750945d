"""From what agents' own session stores say to records: which request belongs to which mission, work package and role.

`attribute` walks a session (`walk`) and ties its requests to the host's missions (`missions`, `places`, `stays`);
`compose` makes a record of each segment; `importer` compares them with what is `recorded` and appends what is new.
"""
