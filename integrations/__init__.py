"""What a workflow can do. Each integration imports `engine.contract` and its vendor's library, nothing else of Weft."""
