"""How a browser begins a session: the protocol pieces of a sign-in at an OpenID provider, without any I/O."""
