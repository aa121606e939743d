import { assert, assertEquals, assertRejects } from "@std/assert";
import { dialFirst } from "../../../lib/agent/link/dial_first.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Listener } from "../../../lib/manager/door/listener.ts";
import {
  createAuthority,
  issueServerCertificate,
  newServerName,
} from "../../../lib/manager/state/authority.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { freePort } from "../../../scripts/local/free_port.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { until } from "../../support/live_program.ts";

const issue = { now: Date.now(), random: systemRandom };
const authority = await createAuthority(issue);
const serverName = newServerName(systemRandom);
const server = await issueServerCertificate(authority, {
  ...issue,
  serverName,
  names: [],
});

/** A Manager's listener on loopback, and dials of its addresses on a clock that the test moves. */
class Dials implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly #undo = new AsyncDisposableStack();
  readonly #listener = new Listener({
    hostname: "127.0.0.1",
    port: 0,
    certPem: server.certPem,
    keyPem: server.keyPem,
    clock: new FakeClock(),
    counters: new Counters(),
    serve: (transport) => this.#undo.defer(() => transport.close()),
  });

  /** Address of the Manager. */
  get manager(): string {
    return `127.0.0.1:${this.#listener.port}`;
  }

  dial(
    addresses: readonly string[],
    signal = new AbortController().signal,
  ): Promise<Transport> {
    const options = {
      addresses: () => addresses,
      serverName,
      authorities: () => [{
        certPem: authority.certPem,
        hash: new Uint8Array(32),
      }],
      clock: this.clock,
    };
    return dialFirst(options, signal).then((transport) => {
      this.#undo.defer(() => transport.close());
      return transport;
    });
  }

  /** Address that accepts connections and never says a word. */
  silent(): string {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = (async () => {
      for await (const conn of listener) this.#undo.defer(() => conn.close());
    })();
    this.#undo.defer(async () => {
      listener.close();
      await accepted;
    });
    return `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  }

  /** Address at which nobody answers the first packet: its queue of connections is full. */
  async deaf(): Promise<string> {
    const listener = Deno.listen({
      hostname: "127.0.0.1",
      port: 0,
      tcpBacklog: 1,
    });
    this.#undo.defer(() => listener.close());
    const { port } = listener.addr as Deno.NetAddr;
    const full = new AbortController();
    const fillers = Array.from(
      { length: 4 },
      () => Deno.connect({ hostname: "127.0.0.1", port, signal: full.signal }),
    );
    this.#undo.defer(async () => {
      full.abort();
      for (const filler of await Promise.allSettled(fillers)) {
        if (filler.status === "fulfilled") filler.value.close();
      }
    });
    await Promise.race(fillers);
    return `127.0.0.1:${port}`;
  }

  /** Lets time pass in seconds until a dial has ended. Returns its connection, and how many seconds have passed. */
  async pass(
    dialled: Promise<Transport>,
  ): Promise<{ peer: string; seconds: number }> {
    let transport: Transport | undefined;
    const ended = dialled.then((each) => transport = each);
    let seconds = 0;
    await until("the dial has ended", async () => {
      await this.clock.advance(transport === undefined ? 1_000 : 0);
      seconds += transport === undefined ? 1 : 0;
      return transport !== undefined;
    });
    const { host, port } = (await ended).peer;
    return { peer: `${host}:${port}`, seconds };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
    await this.#listener.close();
  }
}

Deno.test("an address at which nobody listens costs no time: the next one is dialled at once", async () => {
  await using dials = new Dials();
  const { peer } = await dials.dial([
    `127.0.0.1:${freePort()}`,
    `127.0.0.1:${freePort()}`,
    dials.manager,
  ]);

  assertEquals(`127.0.0.1:${peer.port}`, dials.manager);
  assertEquals(dials.clock.monotonic(), 0);
});

Deno.test("an address that accepts and never answers costs 10 s, and then the next one is dialled", async () => {
  await using dials = new Dials();
  const { peer, seconds } = await dials.pass(
    dials.dial([dials.silent(), dials.manager]),
  );

  assertEquals(peer, dials.manager);
  // Seconds that pass before the connection is made count for it, and not for the handshake.
  assert(seconds >= 10 && seconds <= 20, `${seconds} s`);
});

Deno.test({
  name:
    "an address whose packets are swallowed costs 10 s, and then the next one is dialled",
  // Other systems answer when the queue of connections is full.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dials = new Dials();
    const { peer, seconds } = await dials.pass(
      dials.dial([await dials.deaf(), dials.manager]),
    );

    assertEquals(peer, dials.manager);
    assert(seconds >= 10 && seconds <= 13, `${seconds} s`);
  },
});

Deno.test("the error is that of the last address if none answers", async () => {
  await using dials = new Dials();
  const last = `127.0.0.1:${freePort()}`;

  await assertRejects(
    () => dials.dial([`127.0.0.1:${freePort()}`, last]),
    PiriError,
    `Cannot connect to ${last}: `,
  );
  await assertRejects(() => dials.dial([]), PiriError, "it has no address");
});

Deno.test("an agent that stops dials no further address", async () => {
  await using dials = new Dials();
  const stop = new AbortController();
  stop.abort();

  await assertRejects(
    () => dials.dial([dials.silent(), dials.manager], stop.signal),
    PiriError,
  );
});
