"""Each sensor's orientation from its samples: the filter, turning between its corrections, the sensor's own errors."""
