"""What every room stands on: events, messages, contracts, options. Imports nothing else of the house."""
