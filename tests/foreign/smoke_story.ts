import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { createHash } from "node:crypto";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { LiveProgram } from "../support/live_program.ts";
import { forgetPrograms, transcript } from "../support/live_program.ts";
import { oddSeconds, processesWith } from "../support/processes.ts";
import { say } from "../../scripts/build/main.ts";
import { pattern, type SmokeCommands } from "./smoke_program.ts";
import { type SmokePrograms, SmokeSite } from "./smoke_site.ts";

/** Size of the large output, in bytes. */
const FLOOD_BYTES = 20_000_000;

/** Size of the file that goes to the agent and back, in bytes: several pieces. */
const FILE_BYTES = 1_000_003;

/** Start of the programs, their commands, and what the host is. */
export interface SmokeOptions extends SmokePrograms {
  readonly commands: SmokeCommands;
  /** Some facts of the agent's host. */
  readonly facts: Readonly<Record<string, string>>;
  /** Exit code of a program that was ended by force; null where a signal ends it. */
  readonly forcedExitCode?: number | null;
}

/**
 * Lets executables of other systems do what each of them must be able to: one Manager and one agent on this machine, which
 * is a Linux. When a step fails, the output of all programs is shown.
 */
export async function tellSmokeStory(
  t: Deno.TestContext,
  options: SmokeOptions,
): Promise<void> {
  forgetPrograms();
  await using site = await SmokeSite.make(options);
  for (const [name, tell] of STEPS) {
    const isTold = await t.step(name, () => tell(site, options));
    if (!isTold) say(transcript());
    assert(isTold, name);
  }
}

type Tell = (site: SmokeSite, options: SmokeOptions) => Promise<void>;

const STEPS: readonly (readonly [string, Tell])[] = [
  ["the agent joins a new Manager by a token, and connects", join],
  ["both streams of a command are seen while it runs", seeLive],
  ["a failure stays that of its command", fail],
  ["the agent tells facts of its host", tellFacts],
  ["a cancelled command leaves no process", cancel],
  ["20 MB of output arrive intact", flood],
  ["a file goes to the host and back, and another is fetched", moveFiles],
  ["an owed result arrives once, though both programs were killed", owe],
  ["a command of a killed agent is lost, and its processes are ended", lose],
  ["the list of commands has each of them once", list],
  ["both programs end when they are asked to", (site) => site.stop()],
];

async function join(site: SmokeSite): Promise<void> {
  for (const version of [site.agent("--version"), site.manager("--version")]) {
    const { code, stdout } = await version;
    assertMatch(stdout, /^piri-(agent|manager) \d+\.\d+\.\d+.* protocol 2/);
    assertEquals(code, ExitCode.ok);
  }
  await site.startNew();
  const [added] = await site.json("agent", "add", "web-1");
  await site.write("token", String(added?.["token"]));
  const joined = await site.agent(
    ...["join", "--token-file", site.agentPath("token")],
  );
  assertMatch(joined.stdout, /^joined as web-1, /);
  assertEquals(joined.code, ExitCode.ok);
  site.startAgent();
  await site.logged(/Connected to the Manager at/);
}

async function seeLive(site: SmokeSite, { commands }: SmokeOptions) {
  const running = run(site, commands.wait(site.agentPath("live"), "seen"));
  await site.printed(running, /^ready/);
  await site.printed(running, /^waiting/m, "stderr");
  assertEquals(plain(running.stdout), "ready\n");
  await site.write("live", "");
  const { code, stdout, stderr } = await site.ended(running);
  assertEquals(
    [code, plain(stdout), outputIn(stderr)],
    [ExitCode.ok, "ready\nseen\n", "waiting\n"],
  );
}

async function fail(site: SmokeSite, { commands }: SmokeOptions) {
  const argv = commands.print("to stdout", "to stderr", 3);
  const seen = await site.manager("run", "web-1", "--", ...argv);
  assertEquals([seen.code, plain(seen.stdout), outputIn(seen.stderr)], [
    ExitCode.failed,
    "to stdout\n",
    "to stderr\n",
  ]);
  assertMatch(plain(seen.stderr), /^web-1: failed, exit code 3$/m);
  const passed = await site.manager(
    ...["run", "web-1", "--exit-code", "--", ...argv],
  );
  assertEquals(passed.code, 3);
}

async function tellFacts(site: SmokeSite, { facts }: SmokeOptions) {
  const [told] = await site.json("facts", "web-1");
  const known = told?.["facts"] as Record<string, string>;
  const names = Object.keys(facts);
  assertEquals(
    Object.fromEntries(names.map((name) => [name, known[name]])),
    facts,
  );
}

async function cancel(site: SmokeSite, { commands }: SmokeOptions) {
  const mark = oddSeconds();
  const id = await detached(site, commands.sleep(mark));
  const watching = site.spawn("watch", id);
  await site.printed(watching, /(asleep\s+){2}/);
  assert(processesWith(mark).length >= 2, "the command and its child run");
  await site.manager("cancel", id);
  const { code } = await site.ended(watching);
  assertEquals(code, ExitCode.cancelled);
  assertEquals(processesWith(mark), []);
}

async function flood(site: SmokeSite, { commands }: SmokeOptions) {
  const argv = commands.flood(FLOOD_BYTES);
  const { code, stdoutBytes } = await site.ended(run(site, argv));
  assertEquals(
    [code, stdoutBytes.length, hashOf(stdoutBytes)],
    [ExitCode.ok, FLOOD_BYTES, hashOf(pattern(FLOOD_BYTES))],
  );
}

async function moveFiles(site: SmokeSite): Promise<void> {
  const bytes = pattern(FILE_BYTES);
  await site.write("sent", bytes);
  await site.write("manager/files/all/app.conf", "port 80\n");
  const ends = [
    await site.manager(
      ...["put", site.managerPath("sent"), `web-1:${site.agentPath("put")}`],
    ),
    await site.manager(
      ...["get", `web-1:${site.agentPath("put")}`, site.managerPath("got")],
    ),
    await site.manager(
      ...["run", "web-1", "--op", "file.Fetch", "source=app.conf"],
      `path=${site.agentPath("fetched")}`,
    ),
  ];
  assertEquals(ends.map(({ code }) => code), [0, 0, 0]);
  const expected = hashOf(bytes);
  for (const name of ["put", "got/put"]) {
    assertEquals(hashOf(await Deno.readFile(site.at(name))), expected);
  }
  assertEquals(await Deno.readTextFile(site.at("fetched")), "port 80\n");
}

async function owe(site: SmokeSite, { commands }: SmokeOptions) {
  const argv = commands.wait(site.agentPath("owed"), "paid");
  const id = await detached(site, argv);
  const watching = site.spawn("watch", id);
  await site.printed(watching, /^ready/);
  const end = plain(watching.stdout) === watching.stdout ? "\n" : "\r\n";
  await site.killManager();
  await site.logged(/The connection ended/);
  await site.write("owed", "");
  // The result has the hash of what was printed, and no other command prints the same.
  const hash = hashOf(new TextEncoder().encode(`ready${end}paid${end}`));
  await site.until("the agent has the result in its journal", async () => {
    const journal = await Deno.readFile(site.at("agent/journal/journal.log"));
    return encodeHex(journal).includes(hash);
  });
  await site.killAgent();
  site.startAgent();
  await site.startManager();
  // The one that watched gives up once the Manager has been away for a minute.
  await watching.kill();
  const { code, stdout } = await site.manager("watch", id);
  assertEquals([code, plain(stdout)], [ExitCode.ok, "ready\npaid\n"]);
}

async function lose(site: SmokeSite, { commands }: SmokeOptions) {
  const mark = oddSeconds();
  const id = await detached(site, commands.sleep(mark));
  const watching = site.spawn("watch", id);
  await site.printed(watching, /(asleep\s+){2}/);
  await site.killAgent();
  assert(processesWith(mark).length >= 2, "they outlive the agent");
  site.startAgent();
  const { code } = await site.ended(watching);
  assertEquals(code, ExitCode.lost);
  assertEquals(processesWith(mark), []);
}

async function list(
  site: SmokeSite,
  { forcedExitCode = null }: SmokeOptions,
): Promise<void> {
  const commands = await site.json("commands", "--limit", "100");
  assertEquals(
    commands.map(({ id, operation, state, exitCode }) =>
      `${id} ${operation} ${state} ${exitCode}`
    ).toReversed(),
    [
      "1 command.Run succeeded 0",
      "2 command.Run failed 3",
      "3 command.Run failed 3",
      `4 command.Run cancelled ${forcedExitCode}`,
      "5 command.Run succeeded 0",
      "6 file.Put succeeded null",
      "7 file.List succeeded null",
      "8 file.Read succeeded null",
      "9 file.Fetch succeeded null",
      "10 command.Run succeeded 0",
      "11 command.Run lost null",
    ],
  );
}

function run(site: SmokeSite, argv: readonly string[]): LiveProgram {
  return site.spawn("run", "web-1", "--", ...argv);
}

/** Starts a command, and returns the id of its job. */
async function detached(
  site: SmokeSite,
  argv: readonly string[],
): Promise<string> {
  const [job] = await site.json("run", "web-1", "--detach", "--", ...argv);
  return String(job?.["id"]);
}

/** Text on stderr that the command itself has printed. A slow agent causes notes between its lines. */
function outputIn(stderr: string): string {
  return plain(stderr).replaceAll(/^web-1: .*\n/gm, "");
}

/** Text with the line ends of Linux. */
function plain(text: string): string {
  return text.replaceAll("\r\n", "\n");
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
