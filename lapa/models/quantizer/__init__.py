"""Vector quantisation: continuous latents in, tokens out. One contract, several layouts, chosen by name.

residual   ResidualVQ   one latent for all tokens, a codebook for each: a token says what those before it left over
shared     NSVQ         one latent per token, one codebook shared by all tokens: the paper's (Appendix A)
ema        EMAVQ        as shared, but codes are running means
simvq      SimVQ        as shared, but codes are one linear map of random vectors; the rotation trick
fsq, lfq   FSQ, LFQ     nothing is learned: numbers are rounded to levels, or to their signs
none       Continuous   no tokens: the upper bound
"""

from lapa.models.quantizer.continuous import Continuous
from lapa.models.quantizer.contract import Mode, Quantized, Quantizer
from lapa.models.quantizer.learned import LearnedCodes
from lapa.models.quantizer.residual import ResidualVQ
from lapa.models.quantizer.scalar import FSQ, LFQ
from lapa.models.quantizer.shared import EMAVQ, NSVQ
from lapa.models.quantizer.simvq import SimVQ

QUANTIZERS: dict[str, type[Quantizer]] = {
    "residual": ResidualVQ,
    "shared": NSVQ,
    "ema": EMAVQ,
    "simvq": SimVQ,
    "fsq": FSQ,
    "lfq": LFQ,
    "none": Continuous,
}

__all__ = [
    "EMAVQ", "FSQ", "LFQ", "NSVQ", "QUANTIZERS",
    "Continuous", "LearnedCodes", "Mode", "Quantized", "Quantizer", "ResidualVQ", "SimVQ",
]  # fmt: skip
