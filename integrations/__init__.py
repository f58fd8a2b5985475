"""Integrations: families of nodes. Each imports the contract and its vendor's library, nothing else of Weft."""
