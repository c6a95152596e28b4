"""Channels: publish and subscribe, request and reply, state."""
