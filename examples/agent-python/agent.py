#!/usr/bin/env python3
"""A Piri agent of protocol 2 with every feature: output, ack, resume and chunks.

    agent.py join TOKEN FOLDER      makes a secret and keeps it with what the token says
    agent.py run FOLDER             serves until it is ended
"""
import asyncio, json, os, random, socket, sys, time
from piri.agent.v1 import agent_pb2 as pb
from config import join, load
from journal import Journal
from link import Link, Type
from operations import OPERATIONS, Running, end_survivors

FEATURES = ["output", "ack", "resume", "chunks"]
STREAMS = {"stdout": pb.OUTPUT_STREAM_STDOUT, "stderr": pb.OUTPUT_STREAM_STDERR}
Result, State = pb.CommandResult, pb.CommandState


class Agent:
    def __init__(self, folder):
        self.config, self.journal = load(folder), Journal(os.path.join(folder, "journal.db"))
        self.running = {}  # what runs, by the command's id
        self.news = {}  # what wakes the delivery of a command
        self.link, self.requests, self.last_request = None, {}, 0
        self.widest = 60.0  # the widest window between two dials, in seconds

    # The connection: dial, say hello, serve, wait, dial again.

    async def run(self):
        self.settle_past()
        window = 1.0
        while True:
            began, wait, bye = time.monotonic(), 0.0, None
            try:
                bye = await self.serve_once()
                wait = self.goodbye(bye)
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                print(f"the connection ended: {error!r}", file=sys.stderr)
            restarts = bye is not None and bye.code == pb.Bye.CODE_SHUTDOWN
            ready_long = time.monotonic() - began > 60
            window = 1.0 if restarts or ready_long else min(window * 2, self.widest)
            await asyncio.sleep(wait + random.random() * max(window, wait) / 2)

    async def serve_once(self):
        """Serves one connection, from the dial to the Manager's Bye, which it returns."""
        self.journal.set("session", int(self.journal.get("session")) + 1)  # on disk before the dial
        link = await Link.dial(self.config)
        try:
            link.send(Type.MESSAGE_TYPE_CLIENT_HELLO, client_hello=self.hello())
            message = await asyncio.wait_for(link.receive(), 10)
            while message.type == Type.MESSAGE_TYPE_PING:
                link.send(Type.MESSAGE_TYPE_PONG, pong=pb.Pong(data=message.ping.data))
                message = await asyncio.wait_for(link.receive(), 10)
            if message.type == Type.MESSAGE_TYPE_SERVER_HELLO:
                self.welcome(link, message.server_hello)
            elif message.type != Type.MESSAGE_TYPE_BYE:
                raise OSError(f"a message of type {message.type} came before the Manager's hello")
            while message.type != Type.MESSAGE_TYPE_BYE:
                message = await link.receive()
                self.handle(message)
                await link.drain()
            return message.bye
        finally:
            self.link = None
            link.close()
            for answer, _ in self.requests.values():
                if not answer.done():
                    answer.set_exception(OSError("the connection is down"))

    def hello(self):
        return pb.ClientHello(
            client_id=self.config["name"], auth=self.config["secret"], join_token=self.config.get("joinToken", ""),
            protocol=2, features=FEATURES, agent_version="python-example", instance=self.journal.get("instance"),
            session=int(self.journal.get("session")), last_command_id=int(self.journal.get("last_command_id", 0)),
            facts={"hostname": socket.gethostname(), "operations": " ".join(OPERATIONS)},
            commands=[State(command_id=known.id, nonce=known.nonce, stdout=known.stdout, stderr=known.stderr,
                            state=State.STATE_FINISHED if known.result else State.STATE_RUNNING)
                      for known in self.journal.commands()])

    def welcome(self, link, hello):
        """Continues every command of this Manager from the byte that it wants."""
        if hello.version != 1:
            raise OSError(f"the Manager's hello has version {hello.version}, and this agent knows only 1")
        self.link = link
        link.begin(hello)
        asked = hello.reconnect_window_ms if hello.HasField("reconnect_window_ms") else 60_000
        self.widest = min(max(asked, 1_000), 60_000) / 1_000
        self.config.pop("joinToken", None)  # the Manager has accepted it
        self.config["name"] = hello.name or self.config["name"]  # it takes a former name, too
        print("connected to", self.config["addresses"][0], file=sys.stderr, flush=True)
        resume = {each.command_id: each for each in hello.resume}
        for known in self.journal.commands():
            if known.manager == link.manager:
                link.spawn(self.deliver(link, known.id, resume.get(known.id)))

    def goodbye(self, bye):
        print(f"the Manager said Bye: {bye.reason}", file=sys.stderr, flush=True)
        if bye.code == pb.Bye.CODE_STALE:
            self.journal.new_instance()
        if bye.code == pb.Bye.CODE_REMOVED:
            print("this agent was removed: its Manager must add it again", file=sys.stderr, flush=True)
        least = {pb.Bye.CODE_AUTH_FAILED: 30, pb.Bye.CODE_REPLACED: 60, pb.Bye.CODE_REMOVED: 300}.get(bye.code, 0)
        return max(min(bye.retry_after_ms, 600_000) / 1_000, least)

    def handle(self, message):
        """Handles a message of the Manager after its hello; messages of an unknown type are ignored."""
        if message.type == Type.MESSAGE_TYPE_PING:
            self.link.send(Type.MESSAGE_TYPE_PONG, pong=pb.Pong(data=message.ping.data))
        elif message.type == Type.MESSAGE_TYPE_COMMAND:
            self.accept(message.command)
        elif message.type == Type.MESSAGE_TYPE_COMMAND_CANCEL:
            self.cancel(message.cancel)
        elif message.type == Type.MESSAGE_TYPE_COMMAND_ACK:
            self.acknowledged(message.command_ack)
        elif message.type == Type.MESSAGE_TYPE_DATA_RESPONSE:
            self.settle(message.data_response)

    # Commands: accepted on disk, then run. Output and results go to the journal, and from there to the Manager.

    def accept(self, command):
        id, known = command.command_id, self.journal.command(command.command_id)
        if known and known.nonce == command.nonce:
            return  # it came before
        if id <= int(self.journal.get("last_command_id", 0)) or command.on_disconnect == pb.ON_DISCONNECT_KILL:
            return self.link.send(Type.MESSAGE_TYPE_COMMAND_RESULT, result=Result(
                command_id=id, status=Result.STATUS_REFUSED, output=f"Cannot accept command {id}"))
        self.journal.accept(command, self.link.manager)
        self.running[id] = Running()
        asyncio.create_task(self.execute(command))
        self.link.send(Type.MESSAGE_TYPE_COMMAND_PROGRESS, progress=pb.CommandProgress(command_id=id, total=1))
        self.link.spawn(self.deliver(self.link, id, None))

    async def execute(self, command):
        id, running = command.command_id, self.running[command.command_id]
        result = Result(command_id=id, started_at_ms=int(time.time() * 1_000))
        if command.HasField("timeout_ms"):
            asyncio.get_running_loop().call_later(command.timeout_ms / 1_000, running.stop, Result.STATUS_TIMED_OUT, 5)
        try:
            await OPERATIONS[command.type](self, command, result, json.loads(command.data or "{}"))
        except Exception as error:  # whatever goes wrong is an outcome, and never the connection's end
            result.status = Result.STATUS_FAILED
            result.output = f"Cannot run {command.type}: {type(error).__name__}: {error}"[:4_000]
        result.status = running.asked or result.status
        result.finished_at_ms = int(time.time() * 1_000)
        self.journal.finish(id, result)
        del self.running[id]
        self.tell(id)

    def cancel(self, cancel):
        if cancel.command_id in self.running:
            grace = cancel.grace_ms / 1_000 if cancel.HasField("grace_ms") else 5
            self.running[cancel.command_id].stop(Result.STATUS_CANCELLED, grace)

    def tell(self, id):
        """Wakes the delivery of a command: something is new in the journal."""
        self.news.setdefault(id, asyncio.Event()).set()

    async def deliver(self, link, id, resume):
        """Delivers one command over one connection: its output from the wanted byte on, and its result last."""
        at = {name: getattr(resume, name) if resume else 0 for name in STREAMS}
        news = self.news.setdefault(id, asyncio.Event())
        while known := self.journal.command(id):
            news.clear()
            for name, stream in STREAMS.items():
                while piece := self.journal.read(id, name, at[name]):
                    link.send(Type.MESSAGE_TYPE_COMMAND_OUTPUT, command_output=pb.CommandOutput(
                        command_id=id, stream=stream, offset=at[name], bytes=piece))
                    at[name] += len(piece)
                    await link.drain()
            if known.result:  # read before the output was, so nothing comes after it
                return link.send(Type.MESSAGE_TYPE_COMMAND_RESULT, result=Result.FromString(known.result))
            await news.wait()

    def acknowledged(self, ack):
        for name in STREAMS:
            self.journal.acknowledge(ack.command_id, name, getattr(ack, name))
        if ack.final and ack.command_id not in self.running:
            self.journal.forget(ack.command_id)
            self.news.pop(ack.command_id, None)

    def settle_past(self):
        """Ends the processes of commands of an earlier run, and records each command as lost."""
        for known in self.journal.commands():
            if known.result is None:
                signalled = end_survivors(known.id, known.nonce)
                self.journal.finish(known.id, Result(
                    command_id=known.id, status=Result.STATUS_LOST, reaped=pb.Reaped(signalled=signalled),
                    output="the agent ended while the command ran"))

    # Requests of operations to the Manager.

    async def request(self, type, params):
        if self.link is None:
            raise OSError("the connection is down")
        self.last_request += 1
        id, answer = self.last_request, asyncio.get_running_loop().create_future()
        self.requests[id] = (answer, bytearray())
        try:
            self.link.send(Type.MESSAGE_TYPE_DATA_REQUEST, data_request=pb.DataRequest(
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["join"] and len(sys.argv) == 4:
        join(*sys.argv[2:])
    elif sys.argv[1:2] == ["run"] and len(sys.argv) == 3:
        asyncio.run(Agent(sys.argv[2]).run())
    else:
        sys.exit(__doc__)
