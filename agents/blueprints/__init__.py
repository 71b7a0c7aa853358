"""The businesses that ship: each a folder with its business file and its documents."""
