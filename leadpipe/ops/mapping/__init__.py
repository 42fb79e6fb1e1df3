"""`leadpipe mapping`: what leads become, tried on one lead, checked against the organisation."""
