#!/usr/bin/env python3
"""A Piri agent of protocol 2, as small as it can be with every feature: output, ack, resume and chunks.

    agent.py join TOKEN FOLDER      makes a secret and keeps it with what the token says
    agent.py run FOLDER             serves until it is ended
"""
import asyncio, base64, json, os, random, secrets, signal, socket, ssl, struct, sys, time
from piri.agent.v1 import agent_pb2 as pb
from journal import Journal
from operations import OPERATIONS

FEATURES = ["output", "ack", "resume", "chunks"]
STREAMS = {"stdout": pb.OUTPUT_STREAM_STDOUT, "stderr": pb.OUTPUT_STREAM_STDERR}
Result, State, Type = pb.CommandResult, pb.CommandState, pb.MessageType


class Running:
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


class Agent:
    def __init__(self, folder):
        with open(os.path.join(folder, "agent.json")) as file:
            self.config = json.load(file)
        self.journal = Journal(os.path.join(folder, "journal.db"))
        self.running, self.news, self.requests = {}, {}, {}
        self.link, self.last_request, self.heard = None, 0, 0.0

    # The link: dial, say hello, serve, wait, dial again.

    async def run(self):
        self.settle_past()
        window = 1.0
        while True:
            began, wait = time.monotonic(), 0.0
            try:
                wait = await self.serve_once() or 0.0
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ssl.SSLError) as error:
                print(f"the connection ended: {error!r}", file=sys.stderr)
            window = 1.0 if time.monotonic() - began > 60 else min(window * 2, 60.0)
            await asyncio.sleep(wait + random.random() * max(window, wait) / 2)

    async def serve_once(self):
        self.journal.set("session", int(self.journal.get("session")) + 1)  # on disk before the dial
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.load_verify_locations(cadata=self.config["ca"])
        tls.set_alpn_protocols(["piri/1"])
        host, port = self.config["addresses"][0].rsplit(":", 1)
        reader, writer = await asyncio.wait_for(asyncio.open_connection(
            host.strip("[]"), int(port), ssl=tls, server_hostname=self.config["serverName"]), 10)
        tasks = []
        try:
            self.link = writer
            self.send(Type.MESSAGE_TYPE_CLIENT_HELLO, client_hello=self.hello())
            message = await asyncio.wait_for(self.receive(reader, 65_536), 10)
            while message.type == Type.MESSAGE_TYPE_PING:
                self.send(Type.MESSAGE_TYPE_PONG, pong=pb.Pong(data=message.ping.data))
                message = await asyncio.wait_for(self.receive(reader, 65_536), 10)
            if message.type != Type.MESSAGE_TYPE_SERVER_HELLO:
                return self.goodbye(message.bye)
            hello = message.server_hello
            if self.config.pop("joinToken", None):
                print("joined", file=sys.stderr)
            print(f"connected to {host}:{port}", file=sys.stderr, flush=True)
            resume = {each.command_id: each for each in hello.resume}
            deliver = lambda id: tasks.append(asyncio.create_task(self.deliver(id, resume.get(id))))
            tasks.append(asyncio.create_task(self.watch(hello.ping_interval_ms / 1_000 or 15, writer)))
            for id, manager, *_ in self.journal.commands():
                if manager == hello.manager_id:
                    deliver(id)
            while True:
                message = await self.receive(reader, 1_048_576)
                if message.type == Type.MESSAGE_TYPE_BYE:
                    return self.goodbye(message.bye)
                self.handle(message, hello.manager_id, deliver)
                await writer.drain()
        finally:
            self.link = None
            for task in tasks:
                task.cancel()
            for answer in self.requests.values():
                if not answer[0].done():
                    answer[0].set_exception(OSError("the connection is down"))
            writer.transport.abort()

    def hello(self):
        return pb.ClientHello(
            client_id=self.config["name"], auth=self.config["secret"], join_token=self.config.get("joinToken", ""),
            protocol=2, features=FEATURES, agent_version="python-example", instance=self.journal.get("instance"),
            session=int(self.journal.get("session")), last_command_id=int(self.journal.get("last_command_id", 0)),
            facts={"hostname": socket.gethostname(), "operations": " ".join(OPERATIONS)},
            commands=[State(command_id=id, nonce=int(nonce), stdout=stdout, stderr=stderr,
                            state=State.STATE_FINISHED if result else State.STATE_RUNNING)
                      for id, _, nonce, result, stdout, stderr in self.journal.commands()])

    def goodbye(self, bye):
        print(f"the Manager said Bye: {bye.reason}", file=sys.stderr, flush=True)
        if bye.code == pb.Bye.CODE_STALE:
            self.journal.new_instance()
        floor = {pb.Bye.CODE_AUTH_FAILED: 30, pb.Bye.CODE_REPLACED: 60}.get(bye.code, 0)
        return max(min(bye.retry_after_ms, 600_000) / 1_000, floor)

    def send(self, type, **body):
        if self.link is None:
            raise OSError("the connection is down")
        frame = pb.Message(type=type, **body).SerializeToString()
        self.link.write(struct.pack(">I", len(frame)) + frame)

    async def receive(self, reader, limit):
        size, = struct.unpack(">I", await reader.readexactly(4))
        if size > limit:
            raise OSError(f"a frame of {size} bytes is over the limit")
        message = pb.Message.FromString(await reader.readexactly(size))
        self.heard = time.monotonic()
        return message

    async def watch(self, interval, writer):
        while True:
            await asyncio.sleep(interval)
            due = time.monotonic()
            self.send(Type.MESSAGE_TYPE_PING, ping=pb.Ping())
            await asyncio.sleep(10)
            if self.heard < due:
                self.send(Type.MESSAGE_TYPE_BYE, bye=pb.Bye(reason="ping timeout", code=pb.Bye.CODE_PING_TIMEOUT))
                writer.transport.abort()

    def handle(self, message, manager, deliver):
        if message.type == Type.MESSAGE_TYPE_PING:
            self.send(Type.MESSAGE_TYPE_PONG, pong=pb.Pong(data=message.ping.data))
        elif message.type == Type.MESSAGE_TYPE_COMMAND:
            self.accept(message.command, manager, deliver)
        elif message.type == Type.MESSAGE_TYPE_COMMAND_CANCEL:
            cancel = message.cancel
            grace = cancel.grace_ms / 1_000 if cancel.HasField("grace_ms") else 5
            if cancel.command_id in self.running:
                self.running[cancel.command_id].stop(Result.STATUS_CANCELLED, grace)
        elif message.type == Type.MESSAGE_TYPE_COMMAND_ACK:
            ack = message.command_ack
            self.journal.acknowledge(ack.command_id, "stdout", ack.stdout)
            self.journal.acknowledge(ack.command_id, "stderr", ack.stderr)
            if ack.final and ack.command_id not in self.running:
                self.journal.forget(ack.command_id)
                self.news.pop(ack.command_id, None)
        elif message.type == Type.MESSAGE_TYPE_DATA_RESPONSE:
            self.settle(message.data_response)

    # Commands: accepted on disk, then run; what comes of them goes to the journal, and from there to the Manager.

    def accept(self, command, manager, deliver):
        id = command.command_id
        if any(known[0] == id and known[2] == str(command.nonce) for known in self.journal.commands()):
            return
        if id <= int(self.journal.get("last_command_id", 0)) or command.on_disconnect == pb.ON_DISCONNECT_KILL:
            self.send(Type.MESSAGE_TYPE_COMMAND_RESULT, result=Result(
                command_id=id, status=Result.STATUS_REFUSED, output=f"Cannot accept command {id}"))
            return
        self.journal.accept(command, manager)
        self.running[id] = Running()
        asyncio.create_task(self.execute(command))
        self.send(Type.MESSAGE_TYPE_COMMAND_PROGRESS, progress=pb.CommandProgress(command_id=id, current=0, total=1))
        deliver(id)

    async def execute(self, command):
        id, running, loop = command.command_id, self.running[command.command_id], asyncio.get_running_loop()
        result = Result(command_id=id, started_at_ms=int(time.time() * 1_000))
        if command.HasField("timeout_ms"):
            loop.call_later(command.timeout_ms / 1_000, running.stop, Result.STATUS_TIMED_OUT, 5)
        try:
            await OPERATIONS[command.type](self, command, result, json.loads(command.data or "{}"))
        except Exception as error:  # whatever goes wrong is an outcome, and never the connection's end
            result.status, result.output = Result.STATUS_FAILED, f"Cannot run {command.type}: {type(error).__name__}: {error}"[:4_000]
        result.status = running.asked or result.status
        result.finished_at_ms = int(time.time() * 1_000)
        for known in self.journal.commands():
            if known[0] == id:
                result.stdout_bytes, result.stderr_bytes = known[4], known[5]
        self.journal.finish(id, result)
        del self.running[id]
        self.tell(id)

    def tell(self, id):
        self.news.setdefault(id, asyncio.Event()).set()

    async def deliver(self, id, resume):
        """One command over one connection: output from the byte that is wanted, and its result last."""
        at = {name: getattr(resume, name) if resume else 0 for name in STREAMS}
        news = self.news.setdefault(id, asyncio.Event())
        while True:
            news.clear()
            known = self.journal.db.execute("SELECT result FROM command WHERE id = ?", (id,)).fetchone()
            sent = True
            while sent:
                sent = False
                for name, stream in STREAMS.items():
                    piece = self.journal.read(id, name, at[name])
                    if piece:
                        self.send(Type.MESSAGE_TYPE_COMMAND_OUTPUT, command_output=pb.CommandOutput(
                            command_id=id, stream=stream, offset=at[name], bytes=piece))
                        at[name], sent = at[name] + len(piece), True
                        await self.link.drain()
            if known is None or known[0]:
                if known:
                    self.send(Type.MESSAGE_TYPE_COMMAND_RESULT, result=Result.FromString(known[0]))
                return
            await news.wait()

    def settle_past(self):
        """Ends what still lives of commands of an earlier run, and says of each that it is lost."""
        for id, _, nonce, result, stdout, stderr in self.journal.commands():
            if result is None:
                marker, signalled = f"PIRI_COMMAND={id}-{nonce}".encode(), 0
                for pid in filter(str.isdigit, os.listdir("/proc")):
                    try:
                        with open(f"/proc/{pid}/environ", "rb") as file:
                            if marker in file.read().split(b"\0"):
                                os.kill(int(pid), signal.SIGKILL)
                                signalled += 1
                    except OSError:
                        pass  # it has ended, or is somebody else's
                self.journal.finish(id, Result(
                    command_id=id, status=Result.STATUS_LOST, stdout_bytes=stdout, stderr_bytes=stderr,
                    output="the agent ended while the command ran", reaped=pb.Reaped(signalled=signalled)))

    async def request(self, type, params):
        self.last_request += 1
        id, answer = self.last_request, asyncio.get_running_loop().create_future()
        self.requests[id] = (answer, bytearray())
        try:
            self.send(Type.MESSAGE_TYPE_DATA_REQUEST, data_request=pb.DataRequest(
                request_id=id, type=type, data=json.dumps(params)))
            return await asyncio.wait_for(answer, 30)
        finally:
            del self.requests[id]

    def settle(self, response):
        answer, pieces = self.requests.get(response.request_id, (None, None))
        if answer is None or answer.done():
            return  # too late
        if not response.ok:
            answer.set_exception(ValueError(response.string))
        elif response.WhichOneof("value") == "string":
            answer.set_result(response.string)
        else:
            pieces += response.bytes
            if not response.more:
                answer.set_result(bytes(pieces))


def join(token, folder):
    """Reads the token: its middle part is JSON in base64url. The Manager learns the secret at the first hello."""
    text = token.strip().split("-", 1)[1].rsplit("-", 1)[0]
    decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    said = json.loads(decode(text))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    config = {"name": said["name"], "addresses": said["addresses"], "serverName": said["serverName"],
              "ca": ssl.DER_cert_to_PEM_cert(decode(said["ca"])), "joinToken": said["secret"],
              "secret": secrets.token_urlsafe(32)}
    with open(os.open(os.path.join(folder, "agent.json"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(config, file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["join"] and len(sys.argv) == 4:
        join(*sys.argv[2:])
    elif sys.argv[1:2] == ["run"] and len(sys.argv) == 3:
        asyncio.run(Agent(sys.argv[2]).run())
    else:
        sys.exit(__doc__)
