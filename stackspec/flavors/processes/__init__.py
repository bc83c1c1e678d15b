"""Programs and servers of this machine that hooks run."""
