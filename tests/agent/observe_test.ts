import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { observer } from "../../scripts/build/product.ts";
import { operations } from "../../lib/operations/registry.ts";
import { TempFolder } from "../support/temp_folder.ts";

const fileOf = (name: string) => fromFileUrl(new URL(name, import.meta.url));

/** Runs a program of this folder with the permissions of the agent that can only look. */
async function runObserver(
  name: string,
  { cwd, args }: { cwd: string; args: readonly string[] },
): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--config",
      fileOf("../../deno.json"),
      ...observer.flags,
      fileOf(name),
      ...args,
    ],
    cwd,
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name:
    "the runtime of piri-agent-observe, past its policy, refuses every operation that acts",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TempFolder.make();
    const cwd = folder.at("state");
    const outside = folder.at("outside");
    await Deno.mkdir(cwd);
    await Deno.mkdir(outside);
    await folder.write("outside/kept", "kept");

    const output = await runObserver("./observe_program.ts", {
      cwd,
      args: [outside],
    });

    const outcomes: string[] = JSON.parse(output);
    assertEquals(
      outcomes.map((outcome) => outcome.split(":")[0]),
      [...Array(41).fill("refused"), "done", "done"],
      output,
    );
    assertEquals(
      [...Deno.readDirSync(outside)].map(({ name }) => name),
      ["kept"],
    );
    // This program tries each of them, or one of its kind, but those that the agent itself carries out, which only its
    // policy refuses.
    assertEquals(
      new Set(
        operations.filter(({ acts, name }) => acts && !/^agent\./.test(name))
          .map(({ name }) => name.split(".")[0]),
      ),
      new Set([
        "apt", // as package
        "archive",
        "command",
        "cron",
        "file",
        "git",
        "group",
        "host",
        "kernel",
        "mount",
        "package",
        "service",
        "ssh",
        "state",
        "sysctl",
        "systemd",
        "user",
        "wait",
      ]),
    );
    assertEquals(
      operations.filter(({ acts, name }) => acts && /^file\./.test(name))
        .map(({ name }) => name),
      [
        "file.Absent",
        "file.Block",
        "file.Dir",
        "file.Downloaded",
        "file.Fetch",
        "file.Installed",
        "file.Line",
        "file.Put",
        "file.Symlinked",
        "file.Tree",
      ],
    );
  },
});
