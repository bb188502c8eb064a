"""Noise: the profile that describes it, the kernel that makes it, the learning of it from real pairs."""
