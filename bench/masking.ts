import { BULK_BYTES } from "./bulk.ts";
import { BulkFleet } from "./bulk_fleet.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";

/** Output of a command that names a secret, all of which the agent searches for its forms. */
export const masking: Pair = {
  name: "masking",
  unit: "MB/s",
  goal: { least: 0.75 },
  ours: `${
    BULK_BYTES / 1e6
  } MB printed by a command with a secret, which the agent looks for`,
  beside: "the same command without a secret",
  async open(): Promise<OpenPair | LeftOut> {
    const bulk = await BulkFleet.open();
    if ("leftOut" in bulk) return bulk;
    const secret = bulk.folder.at("secret");
    await Deno.writeTextFile(secret, "correct-horse/battery+staple");
    return {
      ours: () => bulk.print("--secret-env", `TOKEN=file:${secret}`),
      beside: () => bulk.print(),
      [Symbol.asyncDispose]: () => bulk[Symbol.asyncDispose](),
    };
  },
};
