"""Chaos: traffic goes through real brokers into real stores while everything is killed, cut, filled and frozen, by seed.

    _lake       the sources with their producers, the lake's stores, and the one Lakescope between them
    _faults     what goes wrong, and how it is healed
    _run        one seed: begins and heals the faults, waits until all is stored, and compares ids
    __main__    `python -m tests.chaos`, which `make chaos` calls

The ids of the events that the sent bodies become, made by the transform stage alone, are compared with the ids in each store.
"""
