"""REST v1 beside the pages: thin routes that ask services, answer JSON or YAML, and refuse with problem details."""
