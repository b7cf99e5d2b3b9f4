"""What a trained model is worth, in numbers that compare: scorecards, the measurements they are made of, reports."""
