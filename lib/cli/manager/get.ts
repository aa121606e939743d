import { join } from "@std/path";
import type {
  Command,
  TargetSelectionInit,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { fileError } from "../../files/file_errors.ts";
import { HostFolder } from "../../files/host_files.ts";
import { isFileName } from "../../files/names.ts";
import { type TreeSummary, TreeWriter } from "../../files/tree_writer.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode, exitCodeOf, worst } from "../exit_code.ts";
import { foldNames } from "../../targets/fold_names.ts";
import type { Output } from "../output.ts";
import { bytesText } from "../text.ts";
import { namesOne, withHint } from "./hints.ts";
import { type AgentPath, nameIn, parseAgentPath } from "./host_path.ts";
import { tellLeftOut } from "./left_out.ts";
import {
  type FilePart,
  ReadLimit,
  type RemoteContext,
  RemoteFiles,
} from "./remote_files.ts";
import { unlessUnread } from "./lost_output.ts";
import { OpenReads } from "./open_reads.ts";
import { RetryingClient } from "./retrying_client.ts";
import type { Control, ManagerServices } from "./services.ts";
import { startOn } from "./start_on.ts";
import {
  agentsText,
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";
import { TransferMeter } from "./transfer_meter.ts";
import { WaitNotes } from "./wait_notes.ts";

/** Permissions without setuid, setgid and sticky bit: a host does not choose what runs with the rights of a user here. */
const MODE_MASK = 0o777;

/** Number of agents whose files are read at the same time. */
const AGENTS_AT_ONCE = 4;

/** `get web-1:/var/log/app logs/`: gets files and folders from agents. */
export const get = defineSubcommand({
  name: "get",
  summary: "get files and folders from agents",
  positionals: {
    path: {
      type: "many",
      summary:
        "AGENT:PATH, one or more, and last the folder here; with a pattern of agents each has a folder of its own there",
    },
  },
  flags: {
    delete: {
      type: "boolean",
      summary: "delete what the folders there do not have from those here",
    },
    backup: {
      type: "boolean",
      summary: "keep what is replaced or deleted as NAME~",
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "end the reading on an agent after this time: 90s, 1h30m",
    },
    ...TARGET_FLAGS,
  },
  more: [TARGET_HELP, {
    title: "While it runs",
    lines: [
      [
        "Ctrl-C",
        "cancel what reads on the hosts (so with SIGTERM and SIGHUP); a second one leaves",
      ],
      ["next time", "the same command gets what is missing"],
    ],
  }],
  examples: [
    "web-1:/var/log/app logs/",
    "'web-*:/etc/app.conf' configs/",
    "web-1:/etc/hosts web-1:/etc/resolv.conf here/",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, dir, json, terminal, output } = invocation;
    const words = [...invocation.positionals.path];
    const target = words.pop() ?? "";
    if (words.length === 0) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot get: AGENT:PATH and a folder here have to be named, in this order",
      );
    }
    const sources = words.map((word) => parseAgentPath(word, "get"));
    const connect = () => services.connect(dir);
    (await connect())[Symbol.dispose]();
    const found: FoundSource[] = [];
    for (const source of sources) {
      const { expression } = source;
      const selection = await selectionOf([expression], flags, invocation);
      found.push({
        ...source,
        ...await findTargets(selection, invocation, connect),
      });
    }
    requireOwnPlaces(found);
    const client = new RetryingClient(connect, terminal);
    using reads = new OpenReads(client, terminal);
    const codes: ExitCode[] = [];
    try {
      for (const source of found) {
        const { expression, path, connected, away } = source;
        if (away.length > 0) {
          codes.push(ExitCode.unavailable);
          await output.note(
            `${agentsText(away.length)} away, from which nothing is got: ${
              foldNames(away)
            }`,
          );
        }
        if (connected.length === 0) continue;
        const start = startOn({
          expression: connected,
          operation: "file.List",
          params: { path },
          timeoutMs: flags.timeout,
        }, terminal);
        const parsed = { agents: connected, operation: "file.List" };
        const commands = await withHint(
          reads.start(
            start,
            (fact) =>
              new PiriError("UNAVAILABLE", `Cannot get "${path}": ${fact}`),
          ),
          { parsed: { ...parsed, params: {} }, connect },
        );
        await using meter = new TransferMeter(terminal, "getting");
        const note = async (agent: string, text: string) => {
          await meter.clear();
          await output.note(`${agent}: ${text}`);
        };
        using noting = new DisposableStack();
        const waits = noting.adopt(
          new WaitNotes(terminal.clock, ({ agent }, text) => note(agent, text)),
          (waits) => waits.close(),
        );
        await inTurns(commands, async (command) => {
          const { agent } = command;
          const folder = namesOne([expression]) ? target : join(target, agent);
          try {
            const got = await getFrom(command, source, {
              ...{ client, terminal, reads, waits },
              limit: flags.timeout === undefined
                ? undefined
                : new ReadLimit(terminal.clock, flags.timeout),
              folder,
              meter,
              delete: flags.delete,
              backup: flags.backup,
            });
            await unlessUnread(output.either(
              { agent, path, folder, ...got.summary, note: got.note || null },
              `${agent}: ${summaryText(got.summary)}${
                got.note === "" ? "" : ` (${got.note})`
              }`,
            ));
          } catch (error) {
            if (reads.signal.aborted) throw error;
            if (!(error instanceof PiriError)) throw error;
            codes.push(exitCodeOf(codeOf(error)));
            if (json) {
              await output.value({ agent, path, error: messageOf(error) });
            } else await note(agent, messageOf(error));
          }
        });
      }
    } catch (error) {
      throw reads.signal.aborted ? await reads.cancel() : error;
    }
    return worst(codes);
  },
});

/** A source with the names of the agents that it means, by whether they are connected. */
interface FoundSource extends AgentPath, FoundTargets {}

interface FoundTargets {
  readonly connected: readonly string[];
  readonly away: readonly string[];
}

/**
 * Requires that no source would replace what another one brings.
 *
 * @throws {PiriError} INVALID_ARGUMENT for two of one name that go into the same folder, or one into the other
 */
function requireOwnPlaces(sources: readonly FoundSource[]): void {
  // Two that mean the same agent share a folder, whatever their expressions are.
  const taken = new Map<string, AgentPath>();
  for (const source of sources) {
    const name = nameIn(source.path);
    // Each agent of a pattern has a folder of its own.
    const places = namesOne([source.expression])
      ? [{ place: name, of: "" }]
      : [...source.connected, ...source.away].map((agent) => ({
        place: `${agent}/${name}`,
        of: ` of ${agent}`,
      }));
    for (const { place, of } of places) {
      const other = taken.get(place);
      if (other === undefined) continue;
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot get: ${wordOf(other)} and ${
          wordOf(source)
        } are two sources named "${name}"${of}, and the second would replace the first; get them into two folders`,
      );
    }
    for (const { place } of places) taken.set(place, source);
  }
  requireNoneWithin(taken);
}

/** Requires that no source has the name of the folder that an agent of a pattern has. */
function requireNoneWithin(taken: ReadonlyMap<string, AgentPath>): void {
  for (const [place, source] of taken) {
    const [agent = "", name] = place.split("/");
    const other = name === undefined ? undefined : taken.get(agent);
    if (other === undefined) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot get: ${
        wordOf(source)
      } has the folder "${agent}" for the agent ${agent}, and ${
        wordOf(other)
      } would be written there, too; get them into two folders`,
    );
  }
}

function wordOf({ expression, path }: AgentPath): string {
  return `"${expression}:${path}"`;
}

/** Names of the agents that a selection means, by whether they are connected. */
async function findTargets(
  selection: TargetSelectionInit,
  { output }: { output: Output },
  connect: () => Promise<Control>,
): Promise<FoundTargets> {
  using control = await connect();
  const found = await withTargetHint(
    control.agents.resolveTargets({ selection }),
    selection,
  );
  await tellLeftOut(found, output);
  const namesOf = (wanted: boolean) =>
    found.targets.filter(({ connected }) => connected === wanted)
      .map(({ name }) => name);
  return { connected: namesOf(true), away: namesOf(false) };
}

/** Means of getting the files of one agent. */
interface GetContext extends RemoteContext {
  /** Folder here. */
  readonly folder: string;
  readonly meter: TransferMeter;
  readonly delete: boolean;
  readonly backup: boolean;
}

async function getFrom(
  lister: Command,
  { path }: AgentPath,
  context: GetContext,
): Promise<{ summary: TreeSummary; note: string }> {
  const { folder, meter, reads } = context;
  const remote = new RemoteFiles(lister.agent, path, context);
  const { entries, note } = await remote.list(lister);
  const rootName = nameIn(path);
  if (!isFileName(rootName)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot get "${path}": it has no name; name a folder in it`,
    );
  }
  if (entries.length === 0) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot get "${path}": it is neither a file nor a folder nor a link`,
    );
  }
  using base = openTarget(folder);
  const writer = new TreeWriter(base, entries, {
    rootName,
    modeMask: MODE_MASK,
    delete: context.delete,
    backup: context.backup,
    hasNewParents: true,
    signal: reads.signal,
  });
  const files = await writer.plan();
  const parts = files.map((file): FilePart => {
    const offset = writer.partOf(file);
    meter.expect(file.size - offset);
    return { file, offset, length: file.size - offset };
  });
  const stream = new ByteStream(remote.contents(parts), meter);
  for (const { file, offset, length } of parts) {
    await writer.write(file, stream.take(length), offset);
  }
  await writer.finish();
  return { summary: writer.summary, note };
}

function openTarget(folder: string): HostFolder {
  try {
    Deno.mkdirSync(folder, { recursive: true });
    return HostFolder.open(folder);
  } catch (error) {
    throw fileError("write", folder, error);
  }
}

/** Bytes of many files in one stream. */
class ByteStream {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #meter: TransferMeter;
  #left: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>, meter: TransferMeter) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#meter = meter;
  }

  /** Takes the next bytes. */
  async *take(length: number): AsyncGenerator<Uint8Array> {
    for (let missing = length; missing > 0;) {
      if (this.#left.length === 0) {
        const { done, value } = await this.#pieces.next();
        if (done) return;
        this.#left = value;
      }
      const piece = this.#left.subarray(0, missing);
      this.#left = this.#left.subarray(piece.length);
      missing -= piece.length;
      this.#meter.add(piece.length);
      yield piece;
    }
  }
}

/** Does a task for each item, a few at a time. */
async function inTurns<T>(
  items: readonly T[],
  task: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await task(item);
  };
  const workers = Array.from({ length: AGENTS_AT_ONCE }, worker);
  // None goes on once this has ended.
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

function summaryText(
  { files, bytes, unchanged, deleted }: TreeSummary,
): string {
  const got = files === 1 ? "1 file" : `${files} files`;
  return [
    `got ${got} (${bytesText(BigInt(bytes))})`,
    ...(unchanged === 0 ? [] : [`${unchanged} unchanged`]),
    ...(deleted === 0 ? [] : [`${deleted} deleted`]),
  ].join(", ");
}
