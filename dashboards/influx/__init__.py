"""Results in InfluxDB: points, sending and waiting, the outbox and its ledger, counting and deleting."""
