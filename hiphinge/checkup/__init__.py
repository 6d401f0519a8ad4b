"""What `hiphinge doctor` looks at: the installation, sessions, who may read them."""
