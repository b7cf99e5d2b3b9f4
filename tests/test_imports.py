"""Who may import whom, read from the source."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

NOUNS = {"lapa.types", "lapa.protocols"}
BASE = NOUNS | {"lapa.frames", "lapa.checkpoint", "lapa.device", "lapa.finished"}
HEAVY = {"torch", "gradio", "transformers", "umap", "accelerate", "mujoco"}

# room -> what it may import of ours; a name covers everything below it.
ALLOWED = {
    "lapa/types.py": set(),
    "lapa/protocols.py": {"lapa.types"},
    "lapa/frames.py": {"lapa.types"},
    "lapa/threads.py": set(),
    "lapa/processes.py": set(),
    "lapa/checkpoint.py": {"lapa.types"},
    "lapa/device.py": {"lapa.types"},
    "lapa/finished.py": {"lapa.types"},
    "lapa/projection.py": {"lapa.types"},
    "lapa/limits.py": NOUNS | {"lapa.frames"},
    "lapa/bundle.py": BASE,
    "lapa/novelty.py": BASE | {"lapa.models", "lapa.data"},
    "lapa/dream.py": BASE | {"lapa.models", "lapa.limits"},  # how large a picture may be
    "lapa/meaning.py": BASE,
    "lapa/index.py": BASE | {"lapa.projection"},
    "lapa/index_build.py": BASE | {"lapa.models", "lapa.data", "lapa.index", "lapa.novelty", "lapa.projection"},
    "lapa/presets.py": BASE | {"lapa.models", "lapa.train"},
    # The loader knows the released architectures; training quantizers know that they may be one of several.
    "lapa/models": BASE | {"lapa.processes", "lapa.models", "lapa.released"},
    "lapa/released": BASE | {"lapa.models", "lapa.released"},
    "lapa/data": NOUNS | {"lapa.frames", "lapa.data"},
    "lapa/worlds": NOUNS | {"lapa.frames", "lapa.finished", "lapa.worlds", "lapa.data"},
    "lapa/train": BASE | {"lapa.threads", "lapa.processes", "lapa.models", "lapa.released", "lapa.data", "lapa.train"},
    "lapa/ablate": BASE | {"lapa.models", "lapa.data", "lapa.train", "lapa.eval", "lapa.ablate"},
    "lapa/tables.py": set(),
    "lapa/records.py": BASE | {"lapa.bundle", "lapa.tables"},
    "lapa/eval": BASE | {"lapa.limits", "lapa.tables"} | {"lapa.models", "lapa.data", "lapa.worlds", "lapa.eval"},
    "viz/figures": {"lapa.types", "viz.figures"},
    "viz/exports": NOUNS | {"lapa.explorer", "viz.figures", "viz.exports"},
    "viz/tabs": NOUNS | {"lapa.explorer", "lapa.limits", "viz.figures", "viz.exports", "viz.tabs"},
}
FORBIDDEN = {
    "lapa": {"viz", "gradio", "app"},
    "lapa/types.py": HEAVY,
    "lapa/protocols.py": HEAVY,
    "lapa/data": HEAVY - {"torch"},
    "lapa/explorer.py": {"lapa.train", "lapa.baselines", "lapa.eval", "lapa.worlds"},
    "lapa/opened.py": {"lapa.train", "lapa.baselines", "lapa.eval", "lapa.worlds"},
    "viz/figures": HEAVY - {"umap"},
    "viz/exports": HEAVY - {"umap"},
    "viz/tabs": {"torch", "transformers", "mujoco"},
}
# The command line hands an index or results to the figures: the one place of lapa that may know them.
EXCEPTIONS = {name: {"viz"} for name in ("lapa/cli/export.py", "lapa/cli/export_clip.py", "lapa/cli/ablate_laq.py")}

# Imports inside functions that would close a cycle at the top, and why they are there.
LATER = [
    ("lapa", "lapa.explorer"),  # `from lapa import Explorer`: the door of the package, without torch until it is used
    ("lapa.train.policy", "lapa.train.released_policy"),  # `--init`: the stage hands over to that of released models
    ("lapa.train.finetune", "lapa.train.released_finetune"),  # the same
]


def files(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """All modules a file imports, at its top or inside functions, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if is_module(node.module, alias.name)}
    return found


def is_module(package: str, name: str) -> bool:
    base = ROOT.joinpath(*package.split("."), name)
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def covers(names: set[str], module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room):
    for path in files(room):
        ours = {m for m in imports(path) if covers({"lapa", "viz"}, m)}
        bad = {m for m in ours if m not in {"lapa", "viz"} and not covers(ALLOWED[room], m)}
        assert not bad, f"{path.relative_to(ROOT)} imports {sorted(bad)}"


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_never_imports_what_is_forbidden(room):
    for path in files(room):
        name = path.relative_to(ROOT).as_posix()
        bad = {m for m in imports(path) if covers(FORBIDDEN[room] - EXCEPTIONS.get(name, set()), m)}
        assert not bad, f"{name} imports {sorted(bad)}"


def test_there_are_no_cycles():
    """Neither at a module's top nor by what its functions import later."""
    graph = modules_and_imports()
    for module, later in LATER:
        graph[module].remove(later)
    assert not cycle(graph), " -> ".join(cycle(graph))


@pytest.mark.parametrize(("module", "later"), LATER)
def test_an_import_may_be_late_only_where_it_would_else_be_a_cycle(module, later):
    graph = modules_and_imports()
    assert later in graph[module], f"{module} no longer imports {later}: take it out of LATER"
    assert module in reached(graph, later), f"{later} no longer leads to {module}: import it at the top"


def test_a_cycle_is_found_through_whatever_lies_between():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}
    assert set(cycle(graph)) == {"b", "c", "d"}
    assert not cycle(graph | {"d": set()})


def modules_and_imports() -> dict[str, set[str]]:
    """Return which of our modules each of our modules imports, at its top or inside functions."""
    paths = files("lapa") + files("viz")
    names = {p: ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths}
    return {name: (imports(path) & set(names.values())) - {name} for path, name in names.items()}


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what is imported by `start`, directly or not."""
    found, waiting = set(), [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a cycle; none where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return []


def test_the_rules_speak_of_rooms_that_exist():
    for room in [*ALLOWED, *FORBIDDEN, *EXCEPTIONS]:
        assert files(room), room
