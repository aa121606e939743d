import { createHash } from "node:crypto";
import { assertEquals } from "@std/assert";
import type { CommandPatch } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import { assertCode, bytes, create, hash, inBothPlaces } from "./support.ts";

/** Records a command that has printed 3 MB, and ends it so. */
async function ended(
  store: Store,
  end: Omit<CommandPatch, "id">,
): Promise<bigint> {
  const id = await create(store);
  for (const offset of [0n, 1_500_000n]) {
    await store.appendOutput(id, {
      stream: "stdout",
      offset,
      bytes: bytes(1_500_000, 97),
      cut: 0n,
      keep: true,
    });
  }
  await store.patchCommand({ id, state: "succeeded", finishedAt: 5, ...end });
  return id;
}

function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}

const WHOLE = sha256(bytes(3_000_000, 97));
const NOTHING = sha256(bytes(0));

inBothPlaces(
  "hashes that no agent told are made of the kept output, once",
  async (startStore) => {
    await using at = await startStore();
    const id = await ended(at.store, {});
    const expected = {
      stdoutSha256: WHOLE,
      stderrSha256: NOTHING,
      hashOfKept: false,
    };

    assertEquals(await at.store.hashKept(id), expected);
    const { stdoutSha256, stderrSha256, hashOfKept } =
      await at.store.command(id) ?? {};
    assertEquals({ stdoutSha256, stderrSha256, hashOfKept }, expected);
    await at.store.dropOutput(id, {
      stream: "stdout",
      from: 0n,
      below: 9n ** 9n,
    });
    assertEquals(await at.store.hashKept(id), expected);
  },
);

inBothPlaces(
  "a hash that an agent told stays, and the other one is made",
  async (startStore) => {
    await using at = await startStore();
    const id = await ended(at.store, { stdoutSha256: hash(7) });

    assertEquals(await at.store.hashKept(id), {
      stdoutSha256: hash(7),
      stderrSha256: NOTHING,
      hashOfKept: false,
    });
  },
);

for (
  const [what, end] of [
    ["of which some is not kept", { truncated: true }],
    ["of a command that was lost", { state: "lost" }],
    ["of a command whose end is presumed", { presumed: true }],
  ] as const
) {
  inBothPlaces(`the hash of output ${what} says so`, async (startStore) => {
    await using at = await startStore();
    const id = await ended(at.store, end);

    const { stdoutSha256, hashOfKept } = await at.store.hashKept(id);

    assertEquals([stdoutSha256, hashOfKept], [WHOLE, true]);
  });
}

inBothPlaces(
  "output of a command that goes on, and of one that does not exist, is not hashed",
  async (startStore) => {
    await using at = await startStore();
    const id = await ended(at.store, { state: "running" });

    await assertCode(at.store.hashKept(id), "FAILED_PRECONDITION");
    await assertCode(at.store.hashKept(99n), "NOT_FOUND");
    assertEquals((await at.store.command(id))?.stdoutSha256, null);
  },
);
