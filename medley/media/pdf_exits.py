"""How pdf_child.py ends where the document as a whole is the trouble; both sides of the process know these."""

ENCRYPTED_EXIT, CORRUPT_EXIT = 40, 41
