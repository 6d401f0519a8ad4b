"""WitMotion: the frames that its sensors share, over Bluetooth LE and over serial lines."""
