"""Which facts a scorecard shows, under which name, in which order and with how many decimals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fact: its key, its name, the format of its number, its unit, and the key of what it is "of"."""

    key: str
    label: str
    digits: str = ".2f"
    unit: str = ""
    of: str = ""

    def show(self, value: Any) -> str:
        """Write a value; texts and whole numbers as they are."""
        return format(value, self.digits) if isinstance(value, float) else str(value)


def _db(key: str, label: str) -> Row:
    return Row(key=key, label=label, unit="dB")


def _share(key: str, label: str) -> Row:
    return Row(key=key, label=label, digits=".3f")


def _cycle(end: str, where: str) -> tuple[Row, ...]:
    return (
        _share(f"cycle_cosine{end}", f"displacement read there, against the true one (cosine), in {where}"),
        _share(f"cycle_tokens{end}", f"tokens read again in {where}"),
        _share(f"cycle_tokens_chance{end}", "the same by chance"),
    )


LAQ_ROWS: dict[str, tuple[Row, ...]] = {
    "Does it draw the future": (
        _db("psnr_gain_db", "PSNR gain over copying the frame"),
        _db("psnr_gain_db_moving", "the same, of the moving half"),
        _db("psnr", "PSNR"),
        _db("psnr_copy", "PSNR of copying the frame"),
        _db("psnr_native", "PSNR at the clip's own size"),
        _db("psnr_native_copy", "PSNR of copying the frame at that size"),
        _db("psnr_native_gain_db", "gain over copying at that size"),
        _share("ssim", "SSIM"),
        _share("ssim_copy", "SSIM of copying the frame"),
    ),
    "Because of its tokens": (
        _db("controllability_db", "controllability: over random tokens"),
        _db("controllability_shuffled_db", "controllability: over another clip's tokens"),
        _db("leak_db", "leak: nearer to an unrelated future than under random tokens (0 is best)"),
        Row(key="identity_label", label="what nothing happened is called (the frame beside itself)"),
        _share("identity_share", "how often it is called that"),
        _db("identity_psnr", "PSNR of what is then drawn, to the frame"),
        _share("identity_change", "its error, as a share of a true change (0 is best)"),
    ),
    "Use of the codes": (
        Row(key="perplexity", label="perplexity, mean of positions", of="codebook_size"),
        Row(key="perplexity_lowest", label="perplexity, worst position", of="codebook_size"),
        Row(key="dead_codes", label="dead codes, all positions"),
        Row(key="sequences_used", label="different latent actions", of="sequences_seen_at_most"),
        Row(key="joint_entropy_bits", label="joint entropy", unit="bits", of="joint_entropy_max_bits"),
        _share("redundancy", "shared by two positions (0 nothing, 1 all they say)"),
    ),
    "What the tokens say": (
        _share("probe_r2_tokens", "probe of the displacement, tokens (R2)"),
        _share("probe_r2_continuous", "probe of the displacement, continuous (R2)"),
        _share("probe_r2_flow", "probe of the moving region's flow, tokens (R2)"),
        _share("probe_r2_flow_continuous", "probe of the moving region's flow, continuous (R2)"),
        _share("probe_error_over_pca", "error of the tokens' probe, as a share of the PCA's"),
    ),
    "The same elsewhere": (
        *_cycle("", "another clip"),
        _share("cycle_cosine_direct", "displacement read in its own clip (cosine)"),
        *_cycle("_embodiment", "another body"),
        *_cycle("_environment", "another environment"),
        _share("consistency_episode", "direction told by the tokens, learned in other episodes (cosine)"),
        _share("consistency_scene", "learned in other scenes"),
        _share("consistency_site", "learned at other sites"),
        _share("consistency_embodiment", "learned on other bodies"),
        _share("consistency_environment", "learned in other environments"),
        _share("consistency_chance", "without the tokens"),
    ),
}
PROBES = (
    "Linear probes, against baselines",
    "probes",
    (
        Row(key="target", label="of the"),
        Row(key="features", label="from"),
        Row(key="dimension", label="dimensions"),
        _share("r2", "R2"),
        _share("r2_low", "from"),
        _share("r2_high", "to"),
        _share("nmse", "normalised MSE"),
    ),
)
POSITIONS = (
    "Each position",
    "positions",
    (
        Row(key="position", label="position"),
        Row(key="codes_used", label="codes used"),
        Row(key="dead_codes", label="dead"),
        Row(key="perplexity", label="perplexity"),
        Row(key="perplexity_low", label="from"),
        Row(key="perplexity_high", label="to"),
    ),
)
CODES = (
    "What each code means",
    "codes",
    (
        Row(key="position", label="position"),
        Row(key="code", label="code"),
        Row(key="count", label="pairs"),
        Row(key="word", label="what moves"),
        Row(key="concentration", label="concentration"),
        Row(key="across_episodes", label="in other episodes"),
        Row(key="adds_word", label="adds to the others"),
        Row(key="decoded_word", label="drawn elsewhere"),
        Row(key="decoded_concentration", label="concentration there"),
    ),
)
WORLD_ROWS: dict[str, tuple[Row, ...]] = {
    "All steps": (
        _db("psnr_gain_db", "PSNR gain over copying the first frame"),
        _share("ssim", "SSIM"),
        _share("ssim_copy", "SSIM of copying the first frame"),
        _share("sharpness", "sharpness (gradient energy, share of the truth's)"),
        _share("sharpness_moving", "sharpness where something moved"),
        Row(key="effector_ratio", label="pusher: reader's error in dreams over its own on true frames"),
        Row(key="effector_error_m", label="pusher: error in dreams", digits=".4f", unit="m"),
        Row(key="effector_error_true_m", label="pusher: reader's own error", digits=".4f", unit="m"),
        Row(key="effector_error_copy_m", label="pusher: error of the first frame", digits=".4f", unit="m"),
        Row(key="moved_blocks_ratio", label="moved blocks: error over the reader's own"),
        Row(key="moved_blocks_error_m", label="moved blocks: error in dreams", digits=".4f", unit="m"),
        Row(key="moved_blocks_error_copy_m", label="moved blocks: error of the first frame", digits=".4f", unit="m"),
        Row(key="blocks_ratio", label="all blocks: error over the reader's own"),
    ),
    "The last step": (
        _db("psnr_gain_db_last", "PSNR gain over copying the first frame"),
        _share("ssim_last", "SSIM"),
        _share("sharpness_last", "sharpness"),
        _share("sharpness_moving_last", "sharpness where something moved"),
        Row(key="effector_ratio_last", label="pusher: error over the reader's own"),
        Row(key="moved_blocks_ratio_last", label="moved blocks: error over the reader's own"),
    ),
    "Carried to another clip": (
        _share("played_cosine", "displacement measured there by the reader, against the true one (cosine)"),
        _share("played_cosine_direct", "the same off the true frames"),
    ),
}
STEPS = (
    "Step by step",
    "steps",
    (
        Row(key="step", label="step"),
        Row(key="psnr_gain_db", label="gain (dB)"),
        _share("ssim", "SSIM"),
        _share("sharpness", "sharpness"),
        _share("sharpness_moving", "where moved"),
        Row(key="effector_error_m", label="pusher error (m)", digits=".4f"),
        Row(key="effector_ratio", label="ratio"),
        Row(key="moved_blocks_error_m", label="moved blocks error (m)", digits=".4f"),
        Row(key="moved_blocks_ratio", label="ratio"),
    ),
)
