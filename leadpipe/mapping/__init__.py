"""What a lead becomes in Dynamics: the default mapping, the publisher's own file over it, and the lead table they fit."""
