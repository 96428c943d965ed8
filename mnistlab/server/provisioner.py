"""How Jupyter starts a visitor's kernel: forked where that is possible."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from mnistlab.server.forks import Forks, NoForkError

NAME = "mnistlab"  # as kernel.json has it
_FORKED = (
    # A forked process ends with the server, which is not its parent; 1 also stands for no parent.
    "--IPKernelApp.parent_handle=1",
    # Imported before there was a kernel, ipywidgets has not registered with it.
    "--ext=ipywidgets",
)


class ForkingProvisioner(LocalProvisioner):
    """Forks a kernel if the server has a process to fork from; else starts it like any other."""

    forks: ClassVar[Forks | None] = None
    process: Any

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a kernel; `cmd` is `python -m MODULE ...`."""
        if self.forks is not None:
            _, _, module, *arguments = cmd
            request = (module, [*arguments, *_FORKED], kwargs["env"], str(kwargs["cwd"]))
            try:
                self.process = await asyncio.to_thread(self.forks.fork, *request)
            except NoForkError:
                return await super().launch_kernel(cmd, **kwargs)
            self.pid = self.pgid = self.process.pid
            self.cwd = kwargs["cwd"]
            return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and what it has started, unless it has ended."""
        if await self.poll() is None:  # else its id may be another's
            await super().send_signal(signum)


def register(forks: Forks | None) -> None:
    """Let Jupyter find this provisioner, also where the package is not installed."""
    ForkingProvisioner.forks = forks
    place = f"{__name__}:{ForkingProvisioner.__name__}"
    entry = EntryPoint(NAME, place, KernelProvisionerFactory.GROUP_NAME)
    KernelProvisionerFactory.provisioners[NAME] = entry
