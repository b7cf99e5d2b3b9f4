"""The authors' released weights, quirks and all, behind the same verbs as our own models: readers and networks."""
