"""The `docker` backend: a container for each reward, on an engine that is there.

What is covered, around the inner walls: no network, a read-only image that holds torch and the
reward server alone, no capability and none to be had, an outer seccomp list, a user of its own,
limits on memory with swap, processes, processor, open files and file size by the kernel's control
groups. With `sandbox.docker.runtime=runsc` a kernel of its own as well.
What is not covered: with the engine's usual runtime the kernel is shared with the host.
"""

from __future__ import annotations

import json
import random
from typing import Any

from autoreward.config import SandboxSettings
from autoreward.errors import SandboxError
from autoreward.sandbox import seccomp
from autoreward.sandbox.child import ENVIRONMENT, PROGRAM, server_options
from autoreward.sandbox.contract import Labels, Limits
from autoreward.sandbox.engine import ContainerProcess, connect, remove
from autoreward.sandbox.image import SERVER_ROOT, image_name
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.lockdown import FIRST_UID, OUTER_WALLS, SECCOMP_WALLS, UIDS
from autoreward.sandbox.owner import is_gone, owner_mark

LABEL = "org.autoreward"
_TMPFS = {"/tmp": "rw,nosuid,nodev,noexec,size=16m,nr_inodes=1024,mode=1777"}
_ULIMITS = {"nofile": 128, "fsize": 16 << 20, "core": 0, "memlock": 0, "nproc": 64}


class DockerSandbox:
    """Starts reward servers in containers."""

    name = "docker"
    strength = 3

    def __init__(self, settings: SandboxSettings) -> None:
        """Take the settings; the engine is asked when it is needed."""
        self._docker = settings.docker
        self._client: Any = None
        runtime = self._docker.runtime
        kernel = f"runtime {runtime}" if runtime else "kernel shared with the host"
        self.summary = f"a container for each reward, no network, read-only, limits; {kernel}"

    def launch(self, limits: Limits, labels: Labels) -> Jail:
        """Start a reward server without waiting for it; `Jail.wait_ready` does.

        Raises:
            SandboxError: No engine answers, there is no image, or the engine refuses.
        """
        client = self.client()
        from docker.errors import APIError, ImageNotFound
        from requests.exceptions import RequestException

        image = self._docker.image or image_name()
        container = ""
        try:
            options = self._options(client, image, limits, labels)
            container = client.create_container_from_config(options)["Id"]
            process = ContainerProcess(client, container)
        except ImageNotFound:
            advice = "" if self._docker.image else ": run `autoreward sandbox build`"
            raise SandboxError(f"the engine has no image {image}{advice}") from None
        except (APIError, RequestException) as error:
            if container:
                remove(client, container)
            reason = getattr(error, "explanation", None) or str(error)
            raise SandboxError(f"the Docker engine refuses a container: {reason}") from None
        return Jail(process, limits, SECCOMP_WALLS | OUTER_WALLS)

    def sweep(self) -> int:
        """Remove containers whose owner is gone, and return how many there were."""
        client = self.client()
        found = client.containers(all=True, filters={"label": f"{LABEL}.owner"})
        gone = [c["Id"] for c in found if is_gone(c["Labels"][f"{LABEL}.owner"])]
        return sum(remove(client, container) for container in gone)

    def client(self) -> Any:
        """Return the `docker.APIClient`.

        Raises:
            SandboxError: No engine answers.
        """
        if self._client is None:
            self._client = connect(self._docker.host)
        return self._client

    def _options(self, client: Any, image: str, limits: Limits, labels: Labels) -> dict[str, Any]:
        from docker.types import LogConfig, Ulimit

        uid = FIRST_UID + random.randrange(UIDS)
        memory = limits.memory_mb << 20
        profile = json.dumps(seccomp.docker_profile())
        host = client.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs=_TMPFS,
            ipc_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true", f"seccomp={profile}"],
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=self._docker.pids,
            nano_cpus=int(1e9 * self._docker.cpus),
            oom_score_adj=500,
            ulimits=[Ulimit(name=n, soft=v, hard=v) for n, v in _ULIMITS.items()],
            log_config=LogConfig(type="none"),
            runtime=self._docker.runtime,
            device_requests=_gpus(self._docker.gpus),
        )
        options: dict[str, Any] = client.create_container_config(
            image,
            [PROGRAM, SERVER_ROOT, server_options(limits)],
            user=f"{uid}:{uid}",
            hostname="jail",
            stdin_open=True,
            environment=ENVIRONMENT,
            labels={
                f"{LABEL}.owner": owner_mark(),
                f"{LABEL}.run": labels.run,
                f"{LABEL}.job": labels.job,
            },
            host_config=host,
        )
        return options


def _gpus(wanted: str | None) -> list[Any]:
    from docker.types import DeviceRequest

    if wanted is None:
        return []
    kind = [["gpu"]]
    if wanted == "all":
        return [DeviceRequest(count=-1, capabilities=kind)]
    return [DeviceRequest(device_ids=wanted.split(","), capabilities=kind)]


SANDBOX = DockerSandbox
