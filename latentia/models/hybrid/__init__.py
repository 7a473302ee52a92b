"""Models with an encoder and a critic: implicit, and yet an image has latents."""
