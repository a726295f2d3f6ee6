"""Servers on the loopback that stand in for the gateways' own."""
