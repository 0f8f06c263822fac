"""`python -m flows.VERB` for verbs whose modules are in flows/commands: found here by `flows.__path__`."""
