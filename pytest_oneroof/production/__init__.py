"""The read-only side: channel, phases and the gate."""
