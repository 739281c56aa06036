"""What is asked before a call: each check is a small plugin that answers with a `Verdict`, or with None for no opinion."""
