import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseJoinToken } from "../../lib/base/join_token.ts";
import { closeQuietly } from "../../lib/base/close_quietly.ts";
import { encodePem } from "../../lib/base/pem.ts";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { ALPN } from "../../lib/wire/tls.ts";
import {
  Bye_Code,
  createCommand,
  createMessage,
  type Message,
  MessageType,
  readMessage,
  writeMessage,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";
import { decode } from "../../lib/protobuf/protobuf_reader.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";

const GARBAGE = new Uint8Array([0, 0, 0, 3, 0xff, 0xff, 0xff]);

// 1 GiB, of which only the header arrives.
const OVERSIZED = new Uint8Array([0x40, 0, 0, 0]);

const OUT_OF_TURN = encodeFrames([
  encode(
    writeMessage,
    createMessage({
      type: MessageType.COMMAND,
      body: {
        case: "command",
        value: createCommand({ commandId: 1n }),
      },
    }),
  ),
]);

story(
  "a peer that sends nonsense is disconnected, and no other peer notices",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });

    const byes: Message[] = [];
    for (const bytes of [GARBAGE, OVERSIZED, OUT_OF_TURN]) {
      using stranger = await dial(fleet);
      await stranger.write(bytes);
      byes.push(await lastMessage(stranger));
    }

    for (const { body } of byes) {
      assert(body.case === "bye");
      assertEquals(body.value.code, Bye_Code.PROTOCOL_ERROR);
      assertMatch(body.value.reason, /^protocol error: /);
    }
    const argv = program("printAndExit", "fine");
    const { code } = await fleet.manager("run", "web-1", "--", ...argv);
    assertEquals(code, ExitCode.ok);
    assertEquals(await fleet.eventsOf("agent_disconnected"), []);
  },
);

story(
  "peers that connect and stay silent do not delay others",
  async (executables) => {
    await using fleet = await startFleet(executables);
    await using silent = new AsyncDisposableStack();
    const port = { hostname: "127.0.0.1", port: fleet.port };
    for (let i = 0; i < 50; i++) {
      silent.use(await SilentPeer.start(() => Deno.connect(port)));
    }
    for (let i = 0; i < 5; i++) {
      silent.use(await SilentPeer.start(() => dial(fleet)));
    }

    await fleet.join("web-1");
    fleet.agent("web-1").start();

    await fleet.connected("web-1");
  },
);

/** Peer that says nothing. Once the Manager has enough of it, it comes again: there is one at any time. */
class SilentPeer implements AsyncDisposable {
  readonly #dial: () => Promise<Deno.Conn>;
  #conn: Deno.Conn;
  #isClosed = false;
  readonly #done: Promise<void>;

  private constructor(dial: () => Promise<Deno.Conn>, first: Deno.Conn) {
    this.#dial = dial;
    this.#conn = first;
    this.#done = this.#stay();
  }

  static async start(dial: () => Promise<Deno.Conn>): Promise<SilentPeer> {
    return new SilentPeer(dial, await dial());
  }

  async #stay(): Promise<void> {
    while (!this.#isClosed) {
      await this.#conn.read(new Uint8Array(64)).catch(() => null);
      closeQuietly(this.#conn);
      if (this.#isClosed) return;
      this.#conn = await this.#dial();
    }
    closeQuietly(this.#conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    closeQuietly(this.#conn);
    await this.#done;
  }
}

/** Connects as an agent would. */
async function dial(fleet: Fleet): Promise<Deno.TlsConn> {
  const token = await fleet.addAgent(`stranger-${crypto.randomUUID()}`);
  const { serverName, caCertificate } = parseJoinToken(token);
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fleet.port });
  const tls = await Deno.startTls(tcp, {
    hostname: serverName,
    caCerts: [encodePem("CERTIFICATE", caCertificate)],
    alpnProtocols: [ALPN],
  });
  await tls.handshake();
  return tls;
}

/** Reads to the end, and returns the one message that arrived. */
async function lastMessage(conn: Deno.TlsConn): Promise<Message> {
  const bytes: number[] = [];
  for await (const chunk of conn.readable) bytes.push(...chunk);
  const body = new Uint8Array(bytes).subarray(4);
  assertEquals(
    new DataView(new Uint8Array(bytes).buffer).getUint32(0),
    body.length,
  );
  return decode(readMessage, body);
}
