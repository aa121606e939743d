import { TempFolder } from "./temp_folder.ts";
import { Code } from "@connectrpc/connect";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { assertInstanceOf, AssertionError } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { connectControl, type Control } from "../../lib/api/client.ts";
import {
  type ControlOptions,
  type ControlServer,
  serveControl,
} from "../../lib/api/server.ts";
import { Proofs } from "../../lib/api/proofs.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { LOCAL } from "../../lib/base/asker.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { SmallManager } from "./small_manager.ts";

/** User of this process for a served Manager, which has proofs on Unix sockets alone. */
export const OWNER = Deno.build.os === "windows" ? LOCAL : "owner";

/** Served Manager in a state folder, with a client of it. */
export interface TestControl extends AsyncDisposable {
  readonly dir: string;
  readonly manager: SmallManager;
  readonly server: ControlServer;
  readonly control: Control;
}

/** Serves a small Manager in a fresh folder and connects to it as a program would. */
export async function startControl(
  options: Partial<ControlOptions> & { manager?: SmallManager } = {},
): Promise<TestControl> {
  const manager = options.manager ?? new SmallManager();
  await using undo = new AsyncDisposableStack();
  const stateDir = options.stateDir ?? undo.use(await tempFolder()).path;
  const server = undo.use(
    await serveControl({
      random: systemRandom,
      userName: () => Promise.resolve("owner"),
      ...options,
      manager,
      stateDir,
    }),
  );
  const control = undo.use(await connectControl(stateDir));
  const started = undo.move();
  return {
    dir: stateDir,
    manager,
    server,
    control,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Proofs that are never made. */
export function noProofs(): Proofs {
  return new Proofs({
    random: systemRandom,
    clock: systemClock,
    userName: () => Promise.resolve(LOCAL),
    log: logger("test"),
  });
}

/** Temporary folder that ends with the test. */
export function tempFolder(): Promise<TempFolder> {
  return TempFolder.make();
}

/** Answer to plain HTTP, without a Connect client, as curl would get it. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

/** Posts JSON to the Unix socket of a state folder. */
export async function post(
  dir: string,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<PlainAnswer> {
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: join(dir, "control.sock") },
  });
  const response = await fetch(`http://localhost/piri.control.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    client,
  });
  const { status, headers: answered } = response;
  return { status, headers: answered, json: await response.json() };
}

/** The Connect code, our code and the message of what a call rejects with; no Connect code if no answer came. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ connect: string | null; piri: string; message: string }> {
  try {
    await call;
  } catch (error) {
    assertInstanceOf(error, PiriError);
    const { cause, code, message } = error;
    return {
      connect: wireCodeOf(cause),
      piri: code,
      message,
    };
  }
  throw new AssertionError("The call did not reject");
}

/** Name of the Connect code of an error that came over the wire. */
function wireCodeOf(cause: unknown): string | null {
  if (typeof cause !== "object" || cause === null) return null;
  if (!("code" in cause) || typeof cause.code !== "string") return null;
  const code = codeFromString(cause.code);
  return code === undefined ? null : Code[code];
}

/** Collects all items of a stream. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Served Manager in a process of its own. */
export interface ControlChild extends AsyncDisposable {
  /** Kills it as a crash would, and resolves when it has ended. */
  kill(): Promise<void>;
}

/** Starts a small Manager in a process of its own, for a folder. */
export async function startControlChild(
  dir: string,
  transport: "unix" | "tcp" = "unix",
): Promise<ControlChild> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-check",
      fromFileUrl(new URL("./control_child.ts", import.meta.url)),
      dir,
      transport,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const kill = async () => {
    child.kill("SIGKILL");
    await child.status;
    await child.stdout.cancel();
  };
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  let killed: Promise<void> | undefined;
  return {
    kill: () => killed ??= kill(),
    [Symbol.asyncDispose]: () => killed ??= kill(),
  };
}
