"""The models: the quantizer (laq), the policy and what they are built of. Torch lives here; files and stages do not."""
