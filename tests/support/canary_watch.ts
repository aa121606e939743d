import { encodeHex } from "@std/encoding/hex";
import { basename } from "@std/path";
import { OnDisconnect } from "../../proto/gen/piri/control/v1/control_messages.ts";
import type { Control } from "../../lib/api/client.ts";
import { givenName } from "../../lib/base/masking/secret_text.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { Sealed } from "../../lib/base/sealed.ts";
import { AgeKeys } from "../../lib/manager/secrets/age_keys.ts";
import { SopsFile } from "../../lib/manager/secrets/sops_file.ts";
import { canary, formsToFind } from "./canaries.ts";

/** Name of the secret in the Manager's store. */
export const CANARY = "canary";

/** Longest time for the commands that use the secret, in milliseconds. */
const USE_MS = 10_000;

const LOOK_MS = 25;

/** Programs that get the secret by each way, and print it. The second one is not there. */
const SHELL = ["sh", "-c", 'printenv CANARY; cat; cat "$CANARY_FILE"; exit 3'];
const MISSING = ["/nowhere/canary-program"];

/** Files with a key or a secret of their own, which is found in files of the same name alone. */
const KEY_FILES: ReadonlyMap<string, RegExp> = new Map([
  ...["ca.key", "ca-next.key", "manager.key", "manager-next.key", "server.key"]
    .map((name) => [name, /^[A-Za-z0-9+/=]{64}$/m] as const),
  ...["agent.key", "agent-next.key"]
    .map((name) => [name, /^[A-Za-z0-9+/=]{64}$/m] as const),
  ["secrets.key", /^AGE-SECRET-KEY-\S+$/m] as const,
  ["agent.yaml", /(?<=^secret: "?)[A-Za-z0-9_-]{20,}/m] as const,
]);

/** Text that must be found nowhere but in files of one name. */
interface Guarded {
  readonly what: string;
  readonly texts: readonly string[];
  readonly home: string | undefined;
}

/** All that a story leaves. */
export interface Leavings {
  /** Folders of the story and of the programs that it ran. */
  readonly folders: readonly string[];
  /** Output of its programs, by their names. */
  readonly output: Iterable<readonly [name: string, text: string]>;
}

/**
 * A secret that each Manager of a story has in its store. Commands use it at the end of the story. Neither it nor a key of
 * the story is to be found in anything that the story leaves.
 */
export class CanaryWatch {
  readonly secret: string = canary(encodeHex(systemRandom.bytes(6)));
  readonly #forms = formsToFind(this.secret);
  readonly #inProcesses = new Set<string>();

  /** Writes the secret into the store of a Manager that has not started yet. */
  async plant(dir: string): Promise<void> {
    const keys = await AgeKeys.load(`${dir}/secrets.key`, systemRandom);
    const file = SopsFile.create("canary", keys.recipient, systemRandom);
    file.set(CANARY, { value: new Sealed(this.secret), forTargets: "all" });
    await Deno.mkdir(`${dir}/secrets`, { recursive: true, mode: 0o700 });
    const text = await file.text(Date.now());
    await Deno.writeTextFile(`${dir}/secrets/all.yaml`, text, { mode: 0o600 });
  }

  /**
   * Gives the secret to commands on one of these agents, by each way, and waits for their ends. An agent that may not, or
   * cannot, is left alone. Returns how many commands have used it.
   */
  async use(control: Control, agents: readonly string[]): Promise<number> {
    // The programs are those of a Unix.
    if (Deno.build.os === "windows") return 0;
    const { agents: known } = await control.agents.listAgents({});
    const agent = known.find(({ id, connected, protocol }) =>
      connected && protocol === "2" && agents.includes(id)
    );
    if (agent === undefined) return 0;
    const given = givenName(CANARY);
    const jobs: bigint[] = [];
    for (const argv of [SHELL, MISSING]) {
      const { job } = await control.jobs.startJob({
        targets: { expressions: [agent.id] },
        operation: "command.Run",
        params: JSON.stringify({
          argv,
          secret_env: { CANARY },
          secret_stdin: given,
          secret_files: { CANARY_FILE: CANARY },
        }),
        secrets: [{ name: given, value: this.secret }],
        onDisconnect: OnDisconnect.CONTINUE,
        requestId: `canary ${crypto.randomUUID()}`,
        requestedBy: "canary",
        timeoutMs: USE_MS,
      });
      if (job !== undefined) jobs.push(job.id);
    }
    const end = performance.now() + USE_MS;
    for (const jobId of jobs) {
      for (;;) {
        const { job } = await control.jobs.getJob({ jobId });
        if (job?.finishedAtMs !== undefined || performance.now() > end) break;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    }
    return jobs.length;
  }

  /** Looks at the arguments and variables of all processes, and remembers those with the secret (Linux). */
  lookAtProcesses(): void {
    if (Deno.build.os !== "linux") return;
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      for (const part of ["cmdline", "environ"]) {
        const text = readBytes(`/proc/${name}/${part}`);
        const found = text === undefined ? undefined : this.#formIn(text);
        if (found !== undefined) {
          this.#inProcesses.add(
            `${part} of a process has the canary, ${found}`,
          );
        }
      }
    }
  }

  /** Places where the secret, or a key of the story, was found. */
  async leaks({ folders, output }: Leavings): Promise<string[]> {
    const leaks = [...this.#inProcesses];
    const files = [...filesIn(folders)];
    const guarded = [...await guardedIn(files), {
      what: "the canary",
      texts: this.#forms.map(latin1),
      home: undefined,
    }];
    const note = (text: string, place: string, name: string | undefined) => {
      for (const { what, texts, home } of guarded) {
        if (home !== undefined && home === name) continue;
        const form = texts.findIndex((each) => text.includes(each));
        if (form >= 0) leaks.push(`${place} has ${what}, form ${form + 1}`);
      }
    };
    for (const path of files) {
      const text = readBytes(path);
      if (text !== undefined) note(text, path, basename(path));
    }
    for (const [name, text] of output) {
      note(latin1(text), `the output of ${name}`, undefined);
    }
    return leaks;
  }

  #formIn(text: string): string | undefined {
    const form = this.#forms.findIndex((each) => text.includes(latin1(each)));
    return form < 0 ? undefined : `form ${form + 1}`;
  }
}

/** Keys of all files that have some. */
async function guardedIn(files: readonly string[]): Promise<Guarded[]> {
  const found = new Map<string, Guarded>();
  for (const path of files) {
    const home = basename(path);
    const pattern = KEY_FILES.get(home);
    if (pattern === undefined) continue;
    const text = await Deno.readTextFile(path).catch(() => "");
    const [key] = pattern.exec(text) ?? [];
    if (key === undefined) continue;
    found.set(key, { what: `the secret of ${home}`, texts: [key], home });
  }
  return [...found.values()];
}

/** Paths of all files below folders. Links are not followed. */
function* filesIn(folders: readonly string[]): Iterable<string> {
  for (const folder of folders) {
    let entries: Deno.DirEntry[] = [];
    try {
      entries = [...Deno.readDirSync(folder)];
    } catch {
      continue;
    }
    for (const { name, isDirectory, isFile } of entries) {
      if (isDirectory) yield* filesIn([`${folder}/${name}`]);
      if (isFile) yield `${folder}/${name}`;
    }
  }
}

/** Bytes of a file, each as a character; undefined for one that is gone or cannot be read. */
function readBytes(path: string): string | undefined {
  try {
    return new TextDecoder("latin1").decode(Deno.readFileSync(path));
  } catch {
    return undefined;
  }
}

/** The UTF-8 bytes of a text, each as a character. */
function latin1(text: string): string {
  return new TextDecoder("latin1").decode(new TextEncoder().encode(text));
}
