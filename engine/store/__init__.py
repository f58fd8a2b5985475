"""What is kept: the database and its one writer per process, the record of runs, payloads, secrets."""
