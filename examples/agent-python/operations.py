"""Operations of this agent. Each fills in the result, and raises its errors."""
import asyncio, hashlib, json, os, signal
from piri.agent.v1 import agent_pb2 as pb

CHUNK = 65_536  # one piece of output or of a file
WINDOW = 4 * 1_048_576  # so much unacknowledged output makes a program wait
Result = pb.CommandResult


class Running:
    """Running command, with the means to end it."""

    def __init__(self):
        self.process, self.asked = None, None

    def stop(self, status, grace):
        if self.asked is None:  # what was asked first names the end
            self.asked = status
            self.signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(grace, self.signal, signal.SIGKILL)

    def signal(self, number):
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, number)


def marker(id, nonce):
    """Marker of a command in the environment of its processes."""
    return f"{id}-{nonce}"


def end_survivors(id, nonce):
    """Ends the processes that an earlier run of the agent left of a command, and returns how many they were."""
    variable, signalled = f"PIRI_COMMAND={marker(id, nonce)}".encode(), 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if variable in file.read().split(b"\0"):
                    os.kill(int(pid), signal.SIGKILL)
                    signalled += 1
        except OSError:
            pass  # it has ended, or is somebody else's
    return signalled


async def echo(agent, command, result, params):
    agent.journal.append(command.command_id, "stdout", f"{params['text']}\n".encode())
    result.status = Result.STATUS_SUCCESS


async def command_run(agent, command, result, params):
    id, running = command.command_id, agent.running[command.command_id]
    argv = params.get("argv") or ["/bin/sh", "-c", params["shell"]]
    env = {**os.environ, **params.get("env", {}), "PIRI_COMMAND": marker(id, command.nonce)}
    pipe = asyncio.subprocess.PIPE
    process = running.process = await asyncio.create_subprocess_exec(
        *argv, cwd=params.get("cwd"), env=env, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    if running.asked:  # before there was anything to end
        running.signal(signal.SIGKILL)
    process.stdin.write(params.get("stdin", "").encode())
    process.stdin.close()
    await asyncio.gather(keep(agent, id, "stdout", process.stdout), keep(agent, id, "stderr", process.stderr))
    code = await process.wait()
    result.changed = True
    result.status = Result.STATUS_SUCCESS if code == 0 else Result.STATUS_FAILED
    if code < 0:
        result.signal = signal.Signals(-code).name
    else:
        result.exit_code = code


async def keep(agent, id, stream, pipe):
    while data := await pipe.read(CHUNK):
        agent.journal.append(id, stream, data)
        agent.tell(id)
        # It prints no faster than the Manager stores; a full agent continues while the link is down, and cuts.
        while agent.journal.unacknowledged(id) >= WINDOW and not agent.running[id].asked:
            await asyncio.sleep(0.05)


async def file_fetch(agent, command, result, params):
    source, path, data = params["source"], params["path"], bytearray()
    stat = json.loads(await agent.request("file_stat", {"filename": source}))
    while len(data) < stat["size"]:
        data += await agent.request("file_content", {"filename": source, "offset": len(data), "length": CHUNK})
    if hashlib.sha256(data).hexdigest() != stat["sha256"]:
        raise ValueError("it was changed while it was fetched")
    with open(f"{path}.new", "wb") as file:
        file.write(data)
        # A Manager on Windows tells no mode.
        os.fchmod(file.fileno(), int(params.get("mode", stat.get("mode", "0644")), 8))
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)
    result.status, result.changed = Result.STATUS_SUCCESS, True


OPERATIONS = {"command.Run": command_run, "echo.Echo": echo, "file.Fetch": file_fetch}
