import { PiriError } from "../lib/base/errors.ts";
import { FilesAndFleet } from "./state_files.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";

const STEPS = 100;

/** Most bytes of a plan that finds nothing to do, in kilobytes. */
const MAX_KB = 10;

/** Bytes between Manager and agent for a state that the agent knows, and to which nothing is to do. */
export const stateBytes: Pair = {
  name: "state-bytes",
  unit: "kB",
  goal: { most: 1 },
  ours:
    `bytes both ways, with TLS, for a plan of ${STEPS} files that are as they should be, once the agent knows the state`,
  beside: `the limit of ${MAX_KB} kB`,
  async open(): Promise<OpenPair | LeftOut> {
    if (Deno.build.os !== "linux") return { leftOut: "it needs Linux" };
    const lacks = await lacking("ss");
    if (lacks !== undefined) return lacks;
    const opened = await FilesAndFleet.open([], STEPS);
    if ("leftOut" in opened) return opened;
    const { pid } = opened.fleet.agent;
    await opened.plan();
    return {
      async ours() {
        const before = await bytesOf(pid);
        await opened.plan();
        return (await bytesOf(pid) - before) / 1_000;
      },
      beside: () => Promise.resolve(MAX_KB),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

/** Bytes that the only connection of a process has sent and received. */
async function bytesOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ss", {
    args: ["--tcp", "--info", "--processes", "--no-header", "--oneline"],
    stdin: "null",
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`pid=${pid},`));
  const [line = ""] = lines;
  const counts = ["bytes_sent", "bytes_received"].map((name) =>
    Number(new RegExp(`\\b${name}:(\\d+)`).exec(line)?.[1])
  );
  const sum = counts.reduce((all, count) => all + count, 0);
  if (lines.length === 1 && Number.isFinite(sum)) return sum;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: "ss" tells of ${lines.length} connections of the agent: ${line}`,
  );
}
