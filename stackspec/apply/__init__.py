"""Plans carried out: hooks called in order, every call recorded before and after."""
