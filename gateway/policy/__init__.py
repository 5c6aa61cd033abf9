"""Whether a request may pass: routes, rules, limits and origins, judged without I/O."""
