import { compiled } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { BULK_BYTES, printedRate, writeBulk } from "./bulk.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";

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
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const file = folder.at("bulk");
    const sha256 = await writeBulk(file);
    const secret = folder.at("secret");
    await Deno.writeTextFile(secret, "correct-horse/battery+staple");
    const fleet = undo.use(await RealFleet.start(programs));
    const opened = undo.move();
    const flags = ["--secret-env", `TOKEN=file:${secret}`];
    return {
      ours: () =>
        printedRate(fleet.run("web-1", ...flags, "--", "cat", file), sha256),
      beside: () => printedRate(fleet.run("web-1", "--", "cat", file), sha256),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
