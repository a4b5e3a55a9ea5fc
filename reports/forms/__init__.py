"""The forms of a report, all drawn from the same model: one file a form. None of them asks a store."""
