"""Write requirements.lock and requirements-dev.lock from what .venv holds: exact versions, no addresses.

What the portal needs at run time is found by walking the requirements of pyproject.toml; the rest is for
development. Local builds (`2.13.0+cpu`) are written as the release that they are builds of.
"""

import tomllib
from importlib.metadata import distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_ROOT = Path(__file__).resolve().parent.parent
_OURS = {"cited", "pip", "setuptools", "wheel"}


def closure(wanted: list[Requirement]) -> set[str]:
    """Return the names of everything that the requirements need here, themselves included."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        queue += [need for text in requires(key[0]) or [] if _applies(need := Requirement(text), key[1])]
    return {name for name, _ in seen}


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras | {""})


def _write(path: Path, title: str, pins: dict[str, str], names: set[str]) -> None:
    lines = [f"{name}=={pins[name]}" for name in sorted(names)]
    path.write_text("\n".join([f"# {title} Written by `make lock`.", *lines]) + "\n")


def main() -> None:
    pins: dict[str, str] = {
        canonicalize_name(found.metadata["Name"]): Version(found.version).public for found in distributions()
    }
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    runtime = closure([Requirement(text) for text in project["dependencies"]]) - _OURS
    dev = closure([Requirement(text) for text in project["optional-dependencies"]["dev"]]) - runtime - _OURS
    stray = pins.keys() - runtime - dev - _OURS
    print(f"{len(runtime)} for run time, {len(dev)} more for development.")  # noqa: T201 - a command's output
    if stray:
        print("Not locked, since nothing asks for them:", *sorted(stray))  # noqa: T201 - as above
    _write(_ROOT / "requirements.lock", "What the portal runs on.", pins, runtime)
    _write(_ROOT / "requirements-dev.lock", "What tests and lint need besides.", pins, dev)


if __name__ == "__main__":
    main()
