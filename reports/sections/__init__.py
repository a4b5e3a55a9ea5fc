"""The sections of reports: one file a subject, one function a section, from the desk's answers to a `Section`."""
