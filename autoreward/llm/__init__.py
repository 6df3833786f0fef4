"""Language models: `Request` in, `Reply` out; thin layers around small providers."""
