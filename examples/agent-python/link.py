"""One connection to the Manager: frames over TLS, and pings that show if the Manager is alive."""
import asyncio, ssl, struct, time
from piri.agent.v1 import agent_pb2 as pb

Type = pb.MessageType
PING_TIMEOUT = 10


class Link:
    @classmethod
    async def dial(cls, config):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.load_verify_locations(cadata=config["ca"])  # this authority, and no other
        tls.set_alpn_protocols(["piri/1"])
        host, port = config["addresses"][0].rsplit(":", 1)
        return cls(*await asyncio.wait_for(asyncio.open_connection(
            host.strip("[]"), int(port), ssl=tls, server_hostname=config["serverName"]), 10))

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.limit = 65_536  # of a frame, until the Manager has said hello
        self.manager = None  # its id, from then on
        self.heard = time.monotonic()
        self.tasks = []

    def send(self, type, **body):
        frame = pb.Message(type=type, **body).SerializeToString()
        self.writer.write(struct.pack(">I", len(frame)) + frame)

    async def drain(self):
        await self.writer.drain()

    async def receive(self):
        size, = struct.unpack(">I", await self.reader.readexactly(4))
        if size > self.limit:
            raise OSError(f"a frame of {size} bytes is over the limit of {self.limit}")
        message = pb.Message.FromString(await self.reader.readexactly(size))
        self.heard = time.monotonic()
        return message

    def begin(self, hello):
        """Takes the Manager's hello."""
        self.limit, self.manager = 1_048_576, hello.manager_id
        self.spawn(self.watch(hello.ping_interval_ms / 1_000 or 15))

    async def watch(self, interval):
        while True:
            await asyncio.sleep(interval)
            due = time.monotonic()
            self.send(Type.MESSAGE_TYPE_PING, ping=pb.Ping())
            await asyncio.sleep(PING_TIMEOUT)
            if self.heard < due:
                self.send(Type.MESSAGE_TYPE_BYE, bye=pb.Bye(reason="ping timeout", code=pb.Bye.CODE_PING_TIMEOUT))
                self.writer.transport.abort()

    def spawn(self, work):
        """Starts work that ends with the connection."""
        self.tasks.append(asyncio.create_task(work))

    def close(self):
        for task in self.tasks:
            task.cancel()
        self.writer.transport.abort()
