"""What runs have come to, one after the other: kept, compared, and proved whole."""
