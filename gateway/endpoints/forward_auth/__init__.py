"""May this request pass? Asked by another proxy, answered by the same judgement as our own."""
