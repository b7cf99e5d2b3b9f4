"""What a trained model is worth, in numbers that compare: one file per model, and the metrics themselves."""
