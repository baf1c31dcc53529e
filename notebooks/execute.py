"""Executes metric_tables.ipynb against a demo.

    python notebooks/execute.py [DEMO] [--output FILE]

DEMO is the folder that `secchi demo DEMO` made (default: ./demo). Without --output the notebook is executed in
place. What differs from one execution to the next, such as times and versions, is not kept.
"""

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("metric_tables.ipynb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", nargs="?", type=Path, default=Path("demo"))
    parser.add_argument("--output", type=Path, default=NOTEBOOK)
    args = parser.parse_args()
    if not (args.demo / "monitoring").is_dir():
        parser.error(f"there are no metric tables in {args.demo}: make them with `secchi demo {args.demo}`")
    os.environ["SECCHI_DEMO"] = str(args.demo.resolve())

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(NOTEBOOK.parent))
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata = {}
    nbformat.write(notebook, args.output)
    print(f"wrote {args.output}: {args.output.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
