"""What a lead becomes in Dynamics: the default mapping, and the publisher's own file over it."""
