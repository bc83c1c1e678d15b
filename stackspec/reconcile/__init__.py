"""The agent that follows a git ref: what it decides, as functions of values, and its edges."""
