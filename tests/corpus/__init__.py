"""Any folder of real files through the decoders, and what is to be said of it."""
