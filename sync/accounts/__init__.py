"""Accounts: users of INDIGO IAM to Rucio's accounts, identities and account attributes."""
