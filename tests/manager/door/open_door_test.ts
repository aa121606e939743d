import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../lib/base/clock.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import type { Door } from "../../../lib/manager/door/door.ts";
import { GUARD_LIMITS } from "../../../lib/manager/door/guard.ts";
import { openDoor } from "../../../lib/manager/door/open_door.ts";
import { dialTls, type TlsTransport } from "../../../lib/wire/tls.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { certified, SERVER_NAME } from "../../peers/tls_authority.ts";

const { caPem, server } = await certified();

/** Kinds of doors: without a guard and with one. */
const KINDS = { direct: undefined, guarded: GUARD_LIMITS };

class OpenDoor implements AsyncDisposable {
  readonly door: Door;
  readonly #served: Transport[];
  readonly #came: PromiseWithResolvers<void>;
  #dialled: TlsTransport | undefined;

  private constructor(
    door: Door,
    { served, came }: {
      served: Transport[];
      came: PromiseWithResolvers<void>;
    },
  ) {
    this.door = door;
    this.#served = served;
    this.#came = came;
  }

  static async open(kind: keyof typeof KINDS): Promise<OpenDoor> {
    const served: Transport[] = [];
    const came = Promise.withResolvers<void>();
    const door = await openDoor({
      listen: { host: "127.0.0.1", port: 0 },
      identity: server,
      clock: systemClock,
      counters: new Counters(),
      limits: KINDS[kind],
      serve: (transport) => {
        served.push(transport);
        came.resolve();
      },
    });
    return new OpenDoor(door, { served, came });
  }

  async dial(): Promise<TlsTransport> {
    return this.#dialled = await dialTls({
      hostname: "127.0.0.1",
      port: this.door.port,
      serverName: SERVER_NAME,
      caPem,
      clock: systemClock,
    });
  }

  /** Returns the Manager's end of the first connection. */
  async serves(): Promise<Transport | undefined> {
    await this.#came.promise;
    return this.#served[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dialled?.close();
    for (const transport of this.#served) transport.close();
    await this.door.close();
    this.door.end();
  }
}

for (const kind of ["direct", "guarded"] as const) {
  Deno.test(`a ${kind} door tells its address, and serves an agent that dials it`, async () => {
    await using open = await OpenDoor.open(kind);
    const { door } = open;
    assertEquals(door.address, { host: "127.0.0.1", port: door.port });
    const agent = await open.dial();
    assertEquals(agent.peer, door.address);
    const manager = await open.serves();
    assertEquals(manager?.peer.host, "127.0.0.1");
    await manager?.write(new Uint8Array([1, 2]));
    assertEquals(await agent.read(), new Uint8Array([1, 2]));
  });

  Deno.test(`a ${kind} door keeps its connections when it is closed`, async () => {
    await using open = await OpenDoor.open(kind);
    const agent = await open.dial();
    const manager = await open.serves();
    await open.door.close();
    await assertRejects(() => open.dial(), PiriError);
    await manager?.write(new Uint8Array([3]));
    assertEquals(await agent.read(), new Uint8Array([3]));
  });

  Deno.test(`a ${kind} door keeps its port when its certificate is renewed`, async () => {
    await using open = await OpenDoor.open(kind);
    const { address } = open.door;
    await open.door.renew(server);
    assertEquals(open.door.address, address);
    await open.dial();
    await open.serves();
  });

  Deno.test(`a ${kind} door leaves nothing open when its port is taken`, async () => {
    await using open = await OpenDoor.open(kind);
    const error = await assertRejects(
      () =>
        openDoor({
          listen: open.door.address,
          identity: server,
          clock: systemClock,
          counters: new Counters(),
          limits: KINDS[kind],
          serve: () => {},
        }),
      PiriError,
      `Cannot listen on 127.0.0.1:${open.door.port}: `,
    );
    assertEquals(error.code, "UNAVAILABLE");
  });
}

Deno.test("the end of a guarded door ends the connections that it relays", async () => {
  await using open = await OpenDoor.open("guarded");
  const agent = await open.dial();
  await open.serves();
  await open.door.close();
  open.door.end();
  // The connection ends with or without an error: the relay was cut.
  assertEquals(await agent.read().catch(() => undefined), undefined);
});
