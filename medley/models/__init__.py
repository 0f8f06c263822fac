"""Model loaders: one module for each kind of library, found by name. Only here are torch and ctranslate2 imported."""
