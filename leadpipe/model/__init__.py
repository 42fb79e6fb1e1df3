"""What a lead is and what may happen to it: pure values and rules, no SDK, no I/O, no clock, no randomness."""
