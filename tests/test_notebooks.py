"""The notebooks run as they are, fast enough, and what is committed with them is what they give."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import Instance

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 600_000
MOST_SECONDS = 120
"""Of one core, for one notebook: what else the machine does must not fail it."""
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
TOLERANCE = 0.15
"""Of numbers below 1 the difference, else their ratio less 1: trained networks differ a little between processors."""


class _ThisPython(KernelSpecManager):
    """Knows one kernel, the Python that runs the tests: none needs to be installed anywhere."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


class _Manager(AsyncKernelManager):
    """Starts it."""

    kernel_spec_manager = Instance(_ThisPython, ())


def _outputs(cell: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Kind and text of each output; of pictures their kind alone."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.name, output.text
        elif output.output_type == "error":
            yield "error", f"{output.ename}: {output.evalue}"
        else:
            image = next((kind for kind in output.data if kind.startswith("image/")), "")
            yield (image, "") if image else ("text", output.data["text/plain"])


def _numbers(text: str) -> list[float]:
    return [float(found.replace("−", "-")) for found in NUMBER.findall(text)]


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one))


def test_there_are_three() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_committed_is_small_clean_and_whole(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    given = [output for cell in code for output in _outputs(cell)]
    assert path.stat().st_size < MOST_BYTES
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(kind.startswith("image/") for kind, _ in given) >= 4
    assert not {kind for kind, _ in given} & {"error", "stderr"}
    # Outside the pictures, whose letters may spell anything.
    words = "".join(cell.source for cell in notebook.cells) + "".join(text for _, text in given)
    assert not re.search(r"/(home|work|tmp|Users|root)\b|[A-Z]:\\", words)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_gives_what_is_committed(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    committed = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_manager_class=_Manager,
        timeout=5 * MOST_SECONDS,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    before_it = os.times()
    client.execute()  # raises at the first cell that fails
    spent = os.times()
    seconds = spent.children_user + spent.children_system - before_it.children_user - before_it.children_system
    assert seconds < MOST_SECONDS
    for old, new in zip(committed.cells, notebook.cells, strict=True):
        before, after = list(_outputs(old)), list(_outputs(new))
        assert [kind for kind, _ in after] == [kind for kind, _ in before], old.source
        for (_, was), (_, now) in zip(before, after, strict=True):
            assert len(_numbers(now)) == len(_numbers(was)), now
            assert all(map(_near, _numbers(was), _numbers(now))), f"committed:\n{was}\nnow:\n{now}"
