"""What people look at: terminal, Markdown and HTML."""
