import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../lib/base/clock.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import type { Identity } from "../../../lib/base/pem.ts";
import {
  createAuthority,
  issueServerCertificate,
  newServerName,
} from "../../../lib/manager/state/authority.ts";
import { Listener } from "../../../lib/manager/door/listener.ts";
import { dialTls, HANDSHAKE_MS } from "../../../lib/wire/tls.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ScriptedPeer } from "../../support/scripted_peer.ts";

const issue = { now: Date.now(), random: systemRandom };

/** Makes a Manager's identity, and the authority behind it. */
async function identity(): Promise<
  { authority: Identity; serverName: string; server: Identity }
> {
  const authority = await createAuthority(issue);
  const serverName = newServerName(systemRandom);
  const server = await issueServerCertificate(authority, {
    ...issue,
    serverName,
    names: ["127.0.0.1"],
  });
  return { authority, serverName, server };
}

const made = await identity();

/** A listener on loopback, with the connections that have arrived. */
class Listening implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly counters = new Counters();
  readonly #served: Transport[] = [];
  readonly #opened: Disposable[] = [];
  #news = Promise.withResolvers<void>();
  readonly listener: Listener;

  constructor({ mostPending }: { mostPending?: number } = {}) {
    const { server } = made;
    this.listener = new Listener({
      hostname: "127.0.0.1",
      port: 0,
      certPem: server.certPem,
      keyPem: server.keyPem,
      clock: this.clock,
      counters: this.counters,
      ...mostPending === undefined ? {} : { mostPending },
      serve: (transport) => {
        this.#served.push(transport);
        this.#news.resolve();
      },
    });
  }

  /** Returns the next connection that has arrived. */
  async serves(): Promise<Transport> {
    while (this.#served.length === 0) {
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
    const [transport] = this.#served.splice(0, 1);
    if (transport === undefined) throw new Error("nobody came");
    this.#opened.push({ [Symbol.dispose]: () => transport.close() });
    return transport;
  }

  /** Dials as an agent of this Manager would. */
  async dial(
    given: Partial<Parameters<typeof dialTls>[0]> = {},
  ): Promise<Transport> {
    const transport = await dialTls({
      hostname: "127.0.0.1",
      port: this.listener.port,
      serverName: made.serverName,
      caPem: made.authority.certPem,
      clock: systemClock,
      ...given,
    });
    this.#opened.push({ [Symbol.dispose]: () => transport.close() });
    return transport;
  }

  /** Connects and stays silent. */
  async silent(): Promise<Deno.TcpConn> {
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.listener.port,
    });
    this.#opened.push({
      [Symbol.dispose]: () => {
        try {
          conn.close();
        } catch {
          // The test has closed it.
        }
      },
    });
    return conn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened) opened[Symbol.dispose]();
    await this.listener.close();
  }
}

Deno.test("an agent that trusts the Manager's authority can send and receive", async () => {
  await using listening = new Listening();
  const agent = new ScriptedPeer(await listening.dial());
  const manager = new ScriptedPeer(await listening.serves());
  await agent.says("ping", { data: 5 });
  assertEquals((await manager.hears("ping")).data, 5);
  const text = "x".repeat(500_000);
  await manager.says("dataResponse", {
    value: { case: "string", value: text },
  });
  const { value } = await agent.hears("dataResponse");
  assertEquals(value.value, text);
  agent.hangUp();
  await manager.hearsTheEnd();
});

Deno.test("closing one's own end is an end, not a failure", async () => {
  await using listening = new Listening();
  const agent = await listening.dial();
  const reading = agent.read();
  agent.close();
  assertEquals(await reading, undefined);
  agent.close();
});

Deno.test("both sides know the address of the other", async () => {
  await using listening = new Listening();
  const agent = await listening.dial();
  const { port } = listening.listener;
  assertEquals(agent.peer, { host: "127.0.0.1", port });
  const { host, port: from } = (await listening.serves()).peer;
  assertEquals(host, "127.0.0.1");
  assertEquals(Number.isInteger(from) && from !== port, true);
  assertEquals(listening.listener.address, agent.peer);
});

Deno.test("a certificate of another authority is denied", async () => {
  await using listening = new Listening();
  const other = await createAuthority(issue);
  const error = await assertRejects(
    () => listening.dial({ caPem: other.certPem }),
    PiriError,
  );
  assertEquals(error.code, "DENIED");
});

Deno.test("a certificate of another name is denied", async () => {
  await using listening = new Listening();
  const error = await assertRejects(
    () => listening.dial({ serverName: "other.piri.internal" }),
    PiriError,
  );
  assertEquals(error.code, "DENIED");
});

Deno.test("a dial that fails leaves nothing open", async () => {
  await using listening = new Listening();
  // Any leftover would fail the test: deno test looks for open resources.
  await assertRejects(() =>
    listening.dial({ serverName: "other.piri.internal" })
  );
  await assertRejects(() => listening.dial({ port: 1 }), PiriError);
});

Deno.test("a port where nobody listens is unavailable", async () => {
  const listening = new Listening();
  const { port } = listening.listener;
  await listening[Symbol.asyncDispose]();
  const error = await assertRejects(() => listening.dial({ port }), PiriError);
  assertEquals(error.code, "UNAVAILABLE");
});

Deno.test("a dial ends when it is aborted", async () => {
  await using listening = new Listening();
  const signal = AbortSignal.abort();
  const error = await assertRejects(
    () => listening.dial({ signal }),
    PiriError,
  );
  assertEquals(error.code, "UNAVAILABLE");
});

Deno.test("a Manager that accepts and stays silent is given up after 10 s", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using listening = new Listening();
  const clock = new FakeClock();
  const { port } = silent.addr as Deno.NetAddr;
  const dialled = assertRejects(
    () => listening.dial({ port, clock }),
    PiriError,
  );
  using _ = await silent.accept();
  await clock.advance(0);
  await untilSet(clock);
  await clock.advance(HANDSHAKE_MS);
  assertEquals((await dialled).code, "TIMED_OUT");
});

/** Waits until the handshake's timer is set. By then the connection has arrived. */
async function untilSet(clock: FakeClock): Promise<void> {
  while (clock.timers === 0) await clock.settle();
}

Deno.test("clients that stay silent do not delay others", async () => {
  await using listening = new Listening();
  for (let count = 0; count < 20; count++) await listening.silent();
  const agent = new ScriptedPeer(await listening.dial());
  const manager = new ScriptedPeer(await listening.serves());
  await agent.says("ping");
  await manager.hears("ping");
});

Deno.test("a client that stays silent is given up after 10 s", async () => {
  await using listening = new Listening();
  await listening.silent();
  await untilSet(listening.clock);
  await listening.clock.advance(HANDSHAKE_MS);
  assertEquals(listening.counters.all()["handshake_timeouts"], 1n);
  assertEquals(listening.clock.timers, 0);
});

Deno.test("a client that does not speak TLS is counted, and the listener continues", async () => {
  await using listening = new Listening();
  const conn = await listening.silent();
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  // The listener hangs up.
  const buffer = new Uint8Array(1_000);
  let count: number | null = 0;
  while (count !== null) {
    count = await conn.read(buffer).catch(() => null);
  }
  assertEquals(listening.counters.all()["handshake_failures"], 1n);
  await listening.dial();
  await listening.serves();
});

Deno.test("no handshake is ended when a whole fleet comes back at once", async () => {
  await using listening = new Listening();
  for (let count = 0; count < 2_000; count++) await listening.silent();
  await listening.dial();
  await listening.serves();
  assertEquals(listening.counters.all()["handshakes_displaced"], undefined);
});

Deno.test("a newcomer beyond the limit of handshakes ends the oldest", async () => {
  await using listening = new Listening({ mostPending: 10 });
  for (let count = 0; count < 11; count++) await listening.silent();
  while (listening.counters.all()["handshakes_displaced"] === undefined) {
    await listening.clock.settle();
  }
  assertEquals(listening.counters.all()["handshakes_displaced"], 1n);
});

Deno.test("two listeners cannot have one port", async () => {
  await using listening = new Listening();
  const error = await assertRejects(
    () =>
      Promise.resolve().then(() =>
        new Listener({
          hostname: "127.0.0.1",
          port: listening.listener.port,
          certPem: made.server.certPem,
          keyPem: made.server.keyPem,
          clock: listening.clock,
          counters: listening.counters,
          serve: () => {},
        })
      ),
    PiriError,
  );
  assertEquals(error.code, "UNAVAILABLE");
});

Deno.test("a new certificate serves newcomers, and leaves open connections alone", async () => {
  await using listening = new Listening();
  const early = new ScriptedPeer(await listening.dial());
  const manager = new ScriptedPeer(await listening.serves());
  const again = await identity();
  await listening.listener.renew(again.server);
  await early.says("ping");
  await manager.hears("ping");
  await assertRejects(() => listening.dial(), PiriError);
  await listening.dial({
    serverName: again.serverName,
    caPem: again.authority.certPem,
  });
});

Deno.test("children do not inherit the variable for the trust in the own authority", async () => {
  await using listening = new Listening();
  const names = ["DENO_TLS_CA_STORE", "SSL_CERT_FILE", "SSL_CERT_DIR"];
  const before = names.map((name) => Deno.env.get(name));
  await listening.dial();
  assertEquals(names.map((name) => Deno.env.get(name)), before);
});

Deno.test("a cut connection is reported as such, and not in the words of TLS", async () => {
  await using at = new Listening();
  using line = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = at.dial({ port: (line.addr as Deno.NetAddr).port });
  const near = await line.accept();
  const far = await at.silent();
  const carried = Promise.allSettled([
    near.readable.pipeTo(far.writable),
    far.readable.pipeTo(near.writable),
  ]);
  const ours = await dialled;
  const theirs = await at.serves();
  near.close();
  far.close();
  await assertRejects(() => theirs.read(), PiriError, "broke off");
  await assertRejects(() => ours.read(), PiriError, "broke off");
  await carried;
});
