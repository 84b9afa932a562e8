"""What an auditor gets: the sealed evidence packet, and its checks."""
