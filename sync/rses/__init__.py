"""RSEs from CRIC: `cric` says what Rucio should have, `target` what it has and how it is changed, `plan` how the two differ."""
