"""The command line: `python -m lapa VERB [PRESET] --option value`. One verb per file, imported only when asked for.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C. What a user can cause ends as one line on stderr
that starts with "error:". Progress goes to stderr, results to stdout.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Iterator

from lapa.finished import OtherOptions
from lapa.types import LapaError

VERBS = {
    "collect": ("collect", "record a data set in a simulated world"),
    "train-laq": ("train_laq", "train a quantizer on videos (stage 1)"),
    "train-decoder": ("train_decoder", "train its decoder further, on its own pictures, so that dreams stay sharp"),
    "label": ("label", "write the latent actions of a data set"),
    "train-policy": ("train_policy", "train a policy on labelled videos (stage 2)"),
    "finetune": ("finetune", "turn a policy into a robot's (stage 3)"),
    "index": ("index", "sample a data set for the map and the search for neighbours"),
    "encode": ("encode", "print the latent actions of a video"),
    "decode": ("decode", "draw the future of a frame under given tokens"),
    "rollout": ("rollout", "dream a video from a frame and an instruction"),
    "act": ("act", "let a robot policy do what it is told in a simulator, and film it"),
    "eval laq": ("eval_laq", "measure a quantizer"),
    "eval policy": ("eval_policy", "measure a policy"),
    "eval robot": ("eval_robot", "measure a robot policy in a simulator, in closed loop"),
    "eval world": ("eval_world", "measure how a quantizer's dreams hold"),
    "ablate laq": ("ablate_laq", "train and judge the quantizer's choices against their rivals"),
    "import-released laq": ("import_released_laq", "turn the authors' released quantizer into a checkpoint"),
    "import-released policy": ("import_released_policy", "turn the authors' released policy into a checkpoint"),
    "export-released": ("export_released", "write an imported policy back in the authors' format"),
    "cache": ("cache", "list or remove what is kept of data sets so that it need not be computed again"),
    "bench": ("bench", "time the models on this machine"),
    "bench laq": ("bench_laq", "time our quantizer's training step against the released architecture's"),
    "export map": ("export", "draw the map of an index as a figure for print"),
    "export codebook": ("export", "draw what each code does as a figure for print"),
    "export follow": ("export", "draw which code follows which as a figure for print"),
    "export scorecard": ("export", "draw the scorecard of a quantizer as a figure for print"),
    "export curves": ("export", "draw the training curves of a checkpoint as a figure for print"),
    "export benchmark": ("export", "draw what `ablate laq` compared as a figure for print"),
    "export compare": ("export", "draw two quantizers' maps of the same transitions as a figure for print"),
    "export pair": ("export_clip", "draw one transition of a video as a figure for print"),
    "export ribbon": ("export_clip", "draw a video over its tokens as a figure for print"),
    "export sheet": ("export_clip", "draw a frame under every code as a figure for print"),
    "export strip": ("export_clip", "draw a rollout as a film strip for print, or as a film"),
    "export transfer": ("export_clip", "draw one video's latent actions on another, for print or as a film"),
    "export clips": ("export_clips", "write clips of a data set as a folder of videos"),
}


MOST_TOLD = 20
"""Things that were left out of the data that the last lines of a command name."""


class WrongUsage(LapaError):
    """The value of an option is what is wrong: exit code 2."""


def main(argv: list[str]) -> int:
    """Run one command and return its exit code."""
    if not argv or argv[0] in ("-h", "--help"):
        print(_overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        from lapa import __version__

        print(f"lapa {__version__}")
        return 0
    try:
        verb, rest = _split_verb(argv)
        module = importlib.import_module(f"lapa.cli.{VERBS[verb][0]}")
        with _told_at_the_end():
            module.main(verb, rest)
    except (WrongUsage, OtherOptions) as error:
        return _fail(error, 2)
    except LapaError as error:
        return _fail(error, 1)
    except BrokenPipeError:  # whoever reads our output has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _fail(f"{error.strerror or error}" + (f": '{error.filename}'" if error.filename else ""), 1)
    except KeyboardInterrupt as stop:
        return _fail(f"{stop}" or "stopped", 130)
    except SystemExit as ended:  # how the option parser ends
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 2
    return 0


@contextlib.contextmanager
def _told_at_the_end() -> Iterator[None]:
    """Name what was left out of the data once more after the verb is done, where progress has scrolled it away."""
    from lapa.data.left_out import Remembered

    with Remembered() as left_out:
        try:
            yield
        finally:
            for what in left_out.messages[:MOST_TOLD]:
                print(what, file=sys.stderr)
            if len(left_out.messages) > MOST_TOLD:
                print(f"... and {len(left_out.messages) - MOST_TOLD} more, named above", file=sys.stderr)


def _split_verb(argv: list[str]) -> tuple[str, list[str]]:
    """Take the verb, of one word or two, off the arguments."""
    for length in (2, 1):
        if (verb := " ".join(argv[:length])) in VERBS:
            return verb, argv[length:]
    seconds = [verb.split()[1] for verb in VERBS if verb.startswith(f"{argv[0]} ")]
    if seconds and (len(argv) == 1 or argv[1] in ("-h", "--help")):
        print(_overview(argv[0]))
        raise SystemExit(0 if len(argv) > 1 else 2)
    if seconds:
        raise WrongUsage(f"'{argv[0]} {argv[1]}' is not known: say {' or '.join(f'{argv[0]} {s}' for s in seconds)}")
    close = difflib.get_close_matches(argv[0], VERBS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "'python -m lapa --help' lists them"
    raise WrongUsage(f"'{argv[0]}' is not a verb: {hint}")


def _overview(group: str = "") -> str:
    rows = {verb: text for verb, (_, text) in VERBS.items() if verb.startswith(group)}
    lines = [f"  {verb:<22} {text}" for verb, text in rows.items()]
    lines += ["", "--threads N, with any verb: compute with N threads; as many as there are idle cores if not given."]
    usage = "usage: python -m lapa VERB [--help] [options]"
    return "\n".join([usage, "", "Latent action pretraining from videos.", "", *lines])


def _fail(reason: object, code: int) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return code
