import { assertEquals, assertRejects } from "@std/assert";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { Authentication } from "../../../lib/manager/admission/authentication.ts";
import type { RefusedHellos } from "../../../lib/manager/admission/refused_hellos.ts";
import type { TokenJoinsOptions } from "../../../lib/manager/admission/token_joins.ts";
import type { Store } from "../../../lib/store/store.ts";
import { Refusal } from "../../../lib/wire/connection.ts";
import { createClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const TRIES = 2_000;

/** A key that counts how often it is looked at: each comparison begins with its length. */
class WatchedKey extends Uint8Array<ArrayBuffer> {
  looks = 0;

  override get length(): number {
    this.looks++;
    return super.length;
  }
}

/** A store that notes the names of the methods that are called. */
function notedStore(store: Store, calls: string[]): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      return typeof value !== "function" ? value : (...args: unknown[]) => {
        calls.push(String(name));
        return value.apply(target, args);
      };
    },
  });
}

Deno.test("2,000 guesses of each kind hear the same, after the same work", async () => {
  await using core = await MemoryManager.start({ proof: MANAGER_PROOF });
  await core.knows("web-1");
  await (await proves(core, "web-1")).peer.hears("serverHello");
  const calls: string[] = [];
  const parts: Partial<TokenJoinsOptions> = {
    store: notedStore(core.store, calls),
    counters: new Counters(),
    clock: core.clock,
  };
  const authentication = new Authentication(
    parts as TokenJoinsOptions,
    { add: () => {} } as unknown as RefusedHellos,
  );
  const { publicKey } = testKey(3);

  /** All that tells one guess from another: the work, and if the peer is told more than that it failed. */
  const guesses = async (name: (index: number) => string, proven: boolean) => {
    const seen = new Set<string>();
    for (let index = 0; index < TRIES; index++) {
      const key = new WatchedKey(new Uint8Array(publicKey).buffer);
      key.looks = 0;
      calls.length = 0;
      const hello = createClientHello({
        clientId: name(index),
        protocol: 2,
        auth: "a guess",
      });
      hello.publicKey = key;
      const error = await assertRejects(
        () =>
          authentication.check(
            hello,
            { host: "192.0.2.7", port: 1 },
            proven || undefined,
          ),
        PiriError,
      );
      seen.add(
        `${error.code} ${
          error instanceof Refusal ? "told" : "not told"
        }; ${key.looks} looks at the key; ${calls.join(" ")}`,
      );
    }
    return [...seen];
  };

  const known = await guesses(() => "web-1", true);
  assertEquals(known.length, 1);
  assertEquals(await guesses((index) => `no-${index}`, true), known);
  const bySecret = await guesses(() => "web-1", false);
  assertEquals(await guesses((index) => `no-${index}`, false), bySecret);
});
