"""Results in InfluxDB: what a point is, sending and waiting, the outbox and its ledger, counting and deleting."""
