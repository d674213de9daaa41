"""What happened, exactly: typed events with reason codes, chained by hash."""
