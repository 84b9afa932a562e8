"""One check and its proof: connection, statements, ledger, what is put back."""
