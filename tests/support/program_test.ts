import { assertEquals } from "@std/assert";
import { LiveProgram } from "./live_program.ts";
import { type BehaviourName, program } from "./program.ts";
import { TempFolder } from "./temp_folder.ts";

const WAITING: readonly [BehaviourName, ...string[]][] = [
  ["waitForFile"],
  ["answerWithPid", "answer"],
  ["countUntilFile"],
];

for (const [behaviour, ...names] of WAITING) {
  Deno.test(`${behaviour} ends by itself when the folder of its file is gone`, async () => {
    await using undo = new AsyncDisposableStack();
    const folder = await TempFolder.make();
    const paths = ["file", ...names].map((name) => folder.at(name));
    const waiting = undo.use(
      new LiveProgram(behaviour, program(behaviour, ...paths)),
    );

    await folder[Symbol.asyncDispose]();

    assertEquals((await waiting.end()).code, 1);
  });
}
