"""Autoencoders without a density: the baseline that variational ones start from."""
