"""Where state is kept, a file a backend; each imports what it needs when it is used."""
