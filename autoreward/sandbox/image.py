"""The docker sandbox's image: what goes into it, its name, and how it is built."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autoreward.assets import asset_root
from autoreward.errors import SandboxError, UsageError
from autoreward.sandbox.child import PACKAGE

REPOSITORY = "autoreward-sandbox"
SERVER_ROOT = "/opt/server"
"""Where the package's part stands in the image."""
SERVER_FILES = (
    *("__init__.py", "errors.py", "findings.py", "schema.py", "rewards/*.py"),
    *("sandbox/__init__.py", "sandbox/frames.py", "sandbox/lockdown.py", "sandbox/seccomp.py"),
    *("sandbox/reward_server.py", "sandbox/supervisor.py", "sandbox/syscalls.py"),
    "sandbox/warm_up.py",
)
"""Of the package, what the reward server imports and nothing more."""


def image_name() -> str:
    """Return the name of the image for these sources and this torch: another one is out of date."""
    digest = hashlib.sha256()
    for path, content in _context():
        digest.update(f"{path}\0".encode() + content + b"\0")
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def build(client: Any, base: str | None = None, wheels: Path | None = None) -> Iterator[str]:
    """Build the image and yield the builder's lines.

    Args:
        client: A `docker.APIClient`.
        base: Image to start from; None takes the Dockerfile's.
        wheels: Folder with the wheels of torch, numpy and what they need. With it the build uses
            no network.

    Raises:
        UsageError: `wheels` holds no wheel.
        SandboxError: The build failed; the message is the builder's last line.
    """
    arguments = {"BASE": base} if base else {}
    if wheels is not None:
        arguments["OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="autoreward-image-") as folder:
        context = Path(folder)
        for path, content in _context():
            target = context / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        _copy_wheels(wheels, context / "wheels")
        lines = client.build(
            path=str(context),
            tag=image_name(),
            buildargs=arguments,
            network_mode="none" if wheels is not None else None,
            labels={"org.autoreward.image": version("torch")},
            rm=True,
            forcerm=True,
            decode=True,
        )
        last = ""
        for line in lines:
            if "error" in line:
                text = str(line["error"]).strip()
                raise SandboxError(f"the image could not be built: {text}; before it: {last}")
            text = str(line.get("stream") or line.get("status") or "").strip()
            if text:
                last = text
                yield text


def _context() -> Iterator[tuple[str, bytes]]:
    """Yield path and content of what the image is made of, wheels apart."""
    yield "Dockerfile", (asset_root("sandbox") / "Dockerfile").read_bytes()
    yield "requirements.txt", "".join(f"{pin}\n" for pin in _pins()).encode()
    for pattern in SERVER_FILES:
        for path in sorted(PACKAGE.glob(pattern)):
            yield f"server/autoreward/{path.relative_to(PACKAGE)}", path.read_bytes()


def _pins() -> list[str]:
    """Return the versions of this machine: rewards shall compute the same inside and outside."""
    return [f"{name}=={version(name).partition('+')[0]}" for name in ("torch", "numpy")]


def _copy_wheels(wheels: Path | None, target: Path) -> None:
    target.mkdir()
    (target / "README").write_text("Wheels for a build without a network.\n")
    if wheels is None:
        return
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise UsageError(
            f"there is no wheel in {wheels}: fill it with `pip download {' '.join(_pins())} "
            f"--only-binary=:all: -d {wheels}`"
        )
    for wheel in found:
        shutil.copy(wheel, target)
