"""Stored sessions beside each other: before and after a treatment, an athlete's baseline and trend, groups of people."""
