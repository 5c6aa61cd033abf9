"""May they? Routes, rules and limits, judged without I/O."""
