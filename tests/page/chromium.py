"""A headless Chromium, driven through a pair of pipes by the protocol of its developer tools."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
_REPORTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")


class Chromium:
    """One tab of a browser; use it in a `with` block."""

    def __init__(self, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # The browser reads from 3 and writes to 4: the shell puts the pipes there.
        command = [PATH or "chromium", *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f'exec "$0" "$@" 3</proc/self/fd/{to_read} 4>/proc/self/fd/{to_write}',
                *command,
            ],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._count, self._session = b"", 0, ""
        self.reports: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        try:
            return self._attached()
        except BaseException:
            self.__exit__()
            raise

    def _attached(self) -> Self:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log"):
            self.send(f"{part}.enable")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._write)
        os.close(self._read)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._count, "method": method, "params": parameters, **session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._count:
                assert "error" not in said, said["error"]
                return said["result"]
            if said.get("method") in _REPORTS:
                self.reports.append(said)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 20)
            assert data, "the browser is gone"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def open(self, url: str, *, width: int = 1280) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        self.send("Page.navigate", url=url)

    def value(self, code: str) -> Any:
        """Return the value of an expression in the page; waits for a promise."""
        said = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def wait(self, code: str, *, limit_s: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + limit_s
        while not self.value(f"Boolean((() => {{ try {{ return {code} }} catch {{ return false }} }})())"):
            assert time.monotonic() < end, f"{code} is not true: {self.reports}"
            time.sleep(0.05)
