"""The relative heading of the segments of a joint, without a magnetometer: filter, smoother, accelerations at the joint."""
