"""Makes the demo models: speech and pictures of the small world, training, export, marks, model card.

Nothing of the product imports this package; `make demo-models` runs it.
"""
