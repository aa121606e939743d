import { assert, assertEquals, assertLess } from "@std/assert";
import {
  CommandResult_Status,
  CommandState_State,
  OutputStream,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { StreamName } from "../../lib/store/records.ts";
import { MemoryManager } from "./memory_manager.ts";
import type { ScriptedPeer } from "./scripted_peer.ts";

/** Bytes kept of a command. */
export const MIB = 1_048_576;
/** Bytes kept of the beginning and of the end of each stream. */
export const QUARTER = MIB / 4;
/** Largest piece of output. */
export const PIECE = 65_000;

const NUMBERS: Readonly<Record<StreamName, OutputStream>> = {
  stdout: OutputStream.STDOUT,
  stderr: OutputStream.STDERR,
};

/** A command whose agent prints what a test says, and a Manager that keeps 1 MiB of it. */
export class Noisy implements AsyncDisposable {
  readonly printed: Record<StreamName, string> = { stdout: "", stderr: "" };
  /** Bytes that the agent has lost of each stream, after what it printed so far. */
  readonly #lost: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  /** Bytes lost that were not told yet. */
  readonly #toTell: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  readonly #managers = new AsyncDisposableStack();
  #sessions = 100n;

  static async start(): Promise<Noisy> {
    const core = await MemoryManager.start({ keepBytes: BigInt(MIB) });
    await core.knows("web-1");
    const agent = await core.admitted("web-1");
    const { id, nonce } = await core.run("web-1");
    await agent.hears("command");
    return new Noisy(core, agent, { id, nonce });
  }

  private constructor(
    public core: MemoryManager,
    public agent: ScriptedPeer,
    readonly command: { readonly id: bigint; readonly nonce: bigint },
  ) {
    this.#managers.use(core);
  }

  get id(): bigint {
    return this.command.id;
  }

  /** Prints text in pieces, and waits until it is recorded. */
  async prints(stream: StreamName, text: string): Promise<void> {
    for (let at = 0; at < text.length; at += PIECE) {
      const part = text.slice(at, at + PIECE);
      await this.agent.says("commandOutput", {
        commandId: this.id,
        stream: NUMBERS[stream],
        offset: BigInt(this.#lost[stream] + this.printed[stream].length),
        cut: BigInt(this.#toTell[stream]),
        bytes: new TextEncoder().encode(part),
      });
      this.printed[stream] += part;
      this.#toTell[stream] = 0;
      await this.core.clock.settle();
    }
  }

  /** Loses bytes that were printed: the next piece tells so. */
  loses(stream: StreamName, bytes: number): void {
    this.#lost[stream] += bytes;
    this.#toTell[stream] += bytes;
  }

  async fails(): Promise<void> {
    await this.agent.says("result", {
      commandId: this.id,
      status: CommandResult_Status.FAILED,
      exitCode: 1,
      stdoutBytes: this.#total("stdout"),
      stderrBytes: this.#total("stderr"),
    });
    await this.core.clock.settle();
  }

  /** Starts the Manager again in the middle of the command. */
  async restart(): Promise<void> {
    this.core = this.#managers.use(await this.core.restarted());
    this.agent = await this.core.admitted("web-1", {
      session: ++this.#sessions,
      lastCommandId: this.id,
      commands: [{
        commandId: this.id,
        nonce: this.command.nonce,
        state: CommandState_State.RUNNING,
      }],
    });
  }

  /** Stretches of a stream that are in the record, with their offsets. */
  async kept(stream: StreamName): Promise<{ at: number; text: string }[]> {
    const pieces = await this.core.store.readOutput(this.id, {
      stream,
      offset: 0n,
      limit: 1e9,
    });
    const kept: { at: number; text: string }[] = [];
    for (const { offset, bytes } of pieces) {
      const text = new TextDecoder().decode(bytes);
      const last = kept.at(-1);
      const follows = last?.at === Number(offset) - (last?.text.length ?? 0);
      kept.splice(
        follows ? -1 : kept.length,
        follows ? 1 : 0,
        {
          at: follows ? last.at : Number(offset),
          text: (follows ? last.text : "") + text,
        },
      );
    }
    return kept;
  }

  #total(stream: StreamName): bigint {
    return BigInt(this.#lost[stream] + this.printed[stream].length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#managers.disposeAsync();
  }
}

/** Asserts that of a noisy stream exactly the first quarter is kept, and the last one with less than a piece more. */
export async function assertBothEnds(
  noisy: Noisy,
  stream: StreamName,
  { quarter = QUARTER, piece = PIECE } = {},
): Promise<void> {
  const printed = noisy.printed[stream];
  const [beginning, end, ...rest] = await noisy.kept(stream);
  assertEquals(rest, []);
  assertEquals(beginning?.at, 0);
  assertEquals(beginning?.text === printed.slice(0, quarter), true);
  const text = end?.text ?? "";
  assertEquals(end?.at, printed.length - text.length);
  assertEquals(printed.endsWith(text), true);
  assert(text.length >= quarter, `${text.length} bytes of the end`);
  assertLess(text.length, quarter + piece);
}

/** Size of the gap in a stream's record. */
export async function gapOf(noisy: Noisy, stream: StreamName): Promise<number> {
  const [beginning, end] = await noisy.kept(stream);
  return (end?.at ?? 0) - (beginning?.text.length ?? 0);
}

/** Lines as `seq` prints them. */
export function lines(from: number, to: number): string {
  let text = "";
  for (let number = from; number <= to; number++) text += `${number}\n`;
  return text;
}

/** Events of a watch without the text of the output: how far each stream was shown, and each cut. */
export function inBrief(events: readonly string[]): string[] {
  return events.flatMap((event) => {
    const [, stream, at, text, cut] =
      /^(std...) ([0-9]+) "([^]*)"(?: after a cut of ([0-9]+))?$/.exec(event) ??
        [];
    if (stream === undefined) return [event];
    const end = Number(at) + (text?.length ?? 0);
    return cut === undefined
      ? [`${stream} to ${end}`]
      : [`${stream} cut ${cut} before ${at}`, `${stream} to ${end}`];
  });
}

/** Cuts in the events of a watch. */
export function cutsOf(events: readonly string[]): string[] {
  return inBrief(events).filter((event) => event.includes(" cut "));
}

/** Text of a stream that a watch showed. */
export function shownOf(events: readonly string[], stream: StreamName): string {
  return events.filter((event) => event.startsWith(`${stream} `))
    .map((event) => /"([^]*)"/.exec(event)?.[1]).join("");
}
