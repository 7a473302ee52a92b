"""Explicit models."""
