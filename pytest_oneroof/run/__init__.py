"""What one pytest run does: its hooks, fixtures, options and parts."""
