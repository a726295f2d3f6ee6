"""Website audits: what was checked, what was found, what to do about it."""
