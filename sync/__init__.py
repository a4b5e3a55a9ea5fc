"""Synchronisations into Rucio: topology from CRIC, accounts from INDIGO IAM. One way, planned, guarded and journalled."""
