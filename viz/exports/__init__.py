"""From an Explorer to files: what the app's export buttons and `python -m lapa export` both do."""
