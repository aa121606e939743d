import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { asShielded } from "../../lib/operations/shielded.ts";
import { stepHost } from "../../lib/operations/step_host.ts";
import { endSurvivors } from "../../lib/operations/survivors.ts";
import type { StepProgram } from "../../lib/steps/host/host.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { newContext } from "./support.ts";

const ignore = Deno.build.os === "windows";

/** Program that says when it began, and ends once somebody writes to a pipe. */
async function patientProgram(shielded: boolean) {
  const folder = await TempFolder.make();
  const pipe = folder.at("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const context = newContext();
  const shields: boolean[] = [];
  const host = stepHost({
    ...context,
    shield: (isOn) => void shields.push(isOn),
  });
  const began = Promise.withResolvers<void>();
  let text = "";
  const writer = host.writer(context.signal, (_, bytes) => {
    text += new TextDecoder().decode(bytes);
    if (text.includes("begins\n")) began.resolve();
    return Promise.resolve();
  });
  const program: StepProgram = {
    argv: [
      "/bin/sh",
      "-c",
      'echo begins; read line <"$0"; echo "hears $line"; exit 3',
      pipe,
    ],
    ...shielded ? { shielded: true } : {},
  };
  const result = writer.run(program);
  await began.promise;
  return {
    context,
    shields,
    writer,
    program,
    result,
    text: () => text,
    write: (line: string) => Deno.writeTextFile(pipe, `${line}\n`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test({
  name: "a cancel waits for a shielded program, says so, and starts no other",
  ignore,
  fn: async () => {
    await using run = await patientProgram(true);

    run.context.stopNow();
    await run.write("that");
    const result = await run.result;

    assertEquals(result, { code: 3 });
    assertStringIncludes(run.text(), "hears that\n");
    assertStringIncludes(
      run.text(),
      'the command was cancelled: it waits for "/bin/sh"',
    );
    assertEquals(run.shields, [true, false]);
    await assertRejects(
      () => run.writer.run(run.program),
      PiriError,
      "the command was cancelled",
    );
  },
});

Deno.test({
  name: "a shielded program is ended by force, and one that is not by a cancel",
  ignore,
  fn: async () => {
    await using shielded = await patientProgram(true);
    await using plain = await patientProgram(false);

    shielded.context.stopNow();
    shielded.context.killNow();
    plain.context.stopNow();

    assertEquals((await shielded.result).code, undefined);
    assertEquals((await plain.result).signal, "SIGTERM");
    assertEquals(plain.shields, []);
  },
});

Deno.test({
  name: "a shielded program is left to end by itself when its agent has died",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using run = await patientProgram(true);
    const { processes, marker } = run.context;

    const receipt = await endSurvivors(processes, marker);
    await run.write("that");
    const result = await run.result;

    assertEquals(receipt, {
      signalled: 0,
      alive: processes.map(({ pid }) => pid),
    });
    assertEquals(result, { code: 3 });
  },
});

Deno.test({
  name: "a shielded program goes on when nobody takes its output any more",
  ignore,
  fn: async () => {
    await using folder = await TempFolder.make();
    const { argv: [program = "", ...args] = [], env } = asShielded({
      argv: [
        "/bin/sh",
        "-c",
        'head -c 1000000 /dev/zero; echo done >"$0"; exit 7',
        folder.at("end"),
      ],
    });
    const child = new Deno.Command(program, {
      args,
      env: { ...env },
      stdout: "piped",
    }).spawn();

    await child.stdout.cancel();
    const { code } = await child.status;

    assertEquals(code, 7);
    assertEquals(await Deno.readTextFile(folder.at("end")), "done\n");
  },
});
