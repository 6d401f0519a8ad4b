"""One time for all sensors: device clocks, counted samples, the heel drop."""
