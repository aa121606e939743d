import {
  asErrorCode,
  codeOf,
  messageOf,
  PiriError,
} from "../../../lib/base/errors.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { Blobs } from "../../../lib/manager/blobs/blobs.ts";
import { SecretFiles } from "../../../lib/manager/secrets/secret_files.ts";
import type { Rights } from "../../../lib/manager/api/access_api.ts";
import type { DriftRule } from "../../../lib/manager/drift/drift_rule.ts";
import type { SecretPlace } from "../../../lib/manager/api/secret_api.ts";
import type { MadePlan, PlanView } from "../../../lib/manager/api/plan_api.ts";
import { checkParams } from "../../../lib/operations/params.ts";
import {
  blobsOf,
  operationNamed,
  secretsOf,
} from "../../../lib/operations/registry.ts";
import type { Operation, Outcome } from "../../../lib/operations/operation.ts";
import type { Surroundings } from "../../../lib/operations/surroundings.ts";
import { stateSource } from "../../../lib/state_source.ts";
import {
  type Command,
  CommandResult_Status,
  type DataResponse,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { INSTANCE, MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { finish, newContext } from "../../operations/support.ts";

const PIECE = 32_768;

/** Facts of an agent as its hello tells them. */
type Facts = Readonly<Record<string, string>>;

/** Caller of a request, with all rights unless some are given. */
interface By {
  readonly requestedBy: string;
  readonly rights?: Rights;
}

/** Bounds of a plan or its apply. */
interface Bounds {
  readonly only?: readonly string[];
  readonly strict?: boolean;
}

const ANNA: By = { requestedBy: "anna" };

/** Manager in memory with states in a folder, and agents that run real steps, each below a folder of its own. */
export class PlanFleet implements AsyncDisposable {
  readonly manager: MemoryManager;
  readonly folder: TempFolder;
  readonly #secrets: SecretFiles;
  readonly #agents = new Map<string, SteppingAgent>();
  #requests = 0;

  private constructor(
    manager: MemoryManager,
    { folder, secrets }: {
      readonly folder: TempFolder;
      readonly secrets: SecretFiles;
    },
  ) {
    this.manager = manager;
    this.folder = folder;
    this.#secrets = secrets;
  }

  /** Sets a secret of the Manager, for the agents that its place names unless it is for others. */
  async setSecret(
    name: string,
    value: string,
    { place = { kind: "all" }, forTargets = "" }: {
      readonly place?: SecretPlace;
      readonly forTargets?: string;
    } = {},
  ): Promise<void> {
    await this.#secrets.set(
      { name, place, value: new Sealed(value), forTargets },
      { ...ANNA, saidBy: "" },
    );
  }

  /** Starts it with the files of states, by their paths, in which %ROOT% stands for the folder of all hosts. */
  static async start(
    names: readonly string[],
    files: Readonly<Record<string, string>>,
    { drift = [] }: { drift?: readonly DriftRule[] } = {},
  ): Promise<PlanFleet> {
    const folder = await TempFolder.make();
    for (const [path, text] of Object.entries(files)) {
      await folder.write(
        `m/${path}`,
        text.replaceAll("%ROOT%", folder.at("hosts")),
      );
    }
    const blobs = await Blobs.open({
      dir: folder.at("m", "blobs"),
      clock: new FakeClock(),
      random: countingRandom(),
      store: { blobUses: () => Promise.resolve([]) },
      limit: () => 1e9,
      namesOf: blobsOf,
    });
    const secrets = new SecretFiles({
      folder: folder.at("m", "secrets"),
      keyFile: folder.at("m", "secrets.key"),
      store: { recordAudit: () => Promise.resolve() },
      clock: new FakeClock(),
      random: systemRandom,
    });
    const manager = await MemoryManager.start({
      blobs,
      keepBytes: 64_000_000n,
      drift,
      states: stateSource(
        {
          dir: folder.at("m"),
          data: folder.at("m", "data"),
        },
        secrets,
      ),
      storedSecrets: secrets,
      secretsOf,
    });
    const fleet = new PlanFleet(manager, { folder, secrets });
    for (const name of names) {
      await manager.knows(name);
      await fleet.connect(name);
    }
    return fleet;
  }

  /** Connects an agent, which runs each command that it gets. */
  async connect(
    name: string,
    { version = "1.0.0", facts = {} }: { version?: string; facts?: Facts } = {},
  ): Promise<void> {
    await Deno.mkdir(this.folder.at("hosts", name), { recursive: true });
    await this.changeFacts(name, facts);
    const earlier = this.#agents.get(name);
    earlier?.peer.hangUp();
    await this.manager.clock.settle();
    const peer = await this.manager.admitted(name, {
      instance: INSTANCE,
      agentVersion: version,
      facts: { hostname: name, ...facts },
      lastCommandId: earlier?.lastId ?? 0n,
    });
    const agent = new SteppingAgent(
      peer,
      {
        stepsFolder: this.folder.at("steps", name),
        factsFolder: this.folder.at("facts", name),
      },
      { lastId: earlier?.lastId ?? 0n, runs: earlier?.runs ?? [] },
    );
    this.#agents.set(name, agent);
    void agent.serve();
    await this.manager.clock.settle();
  }

  /** Changes what the host of an agent tells when it is asked. Its Manager hears nothing of it. */
  async changeFacts(name: string, facts: Facts): Promise<void> {
    await this.folder.write(
      `facts/${name}/own.json`,
      JSON.stringify({ hostname: name, ...facts }),
    );
  }

  /** Ends the connection of an agent. */
  leaves(name: string): void {
    this.#agents.get(name)?.peer.hangUp();
  }

  /** Resolves once an agent carries out no command any more, also none of an earlier connection. */
  async rest(name: string): Promise<void> {
    await Promise.all(this.#agents.get(name)?.runs ?? []);
  }

  /** Path on the host of an agent. */
  on(name: string, path: string): string {
    return this.folder.at("hosts", name, path);
  }

  /** Text of a file on the host of an agent; undefined if there is none. */
  text(name: string, path: string): Promise<string | undefined> {
    return Deno.readTextFile(this.on(name, path)).catch(() => undefined);
  }

  /** Makes a plan. */
  make(
    stateName = "",
    targets = "all",
    by: By = ANNA,
    bounds: Bounds = {},
  ): Promise<MadePlan> {
    return this.manager.plans.make({
      stateName,
      targets: { expressions: [targets] },
      requestId: `plan ${++this.#requests}`,
      note: "",
      saidBy: "",
      ...by,
      ...bounds,
    });
  }

  /** Makes a plan, and waits until all hosts were looked at. */
  async plan(
    stateName = "",
    targets = "all",
    bounds: Bounds = {},
  ): Promise<PlanView> {
    const made = await this.make(stateName, targets, ANNA, bounds);
    if ("problems" in made) throw new Error(made.problems[0]?.text);
    await this.ended(made.plan.jobId ?? 0n);
    return await this.manager.plans.get(made.plan.id);
  }

  /** Applies a plan, and waits until that has ended. */
  async apply(
    id: bigint,
    by: By = ANNA,
    bounds: Bounds = {},
  ): Promise<PlanView> {
    const started = await this.asksToApply(id, by, bounds);
    if ("approval" in started) throw new Error("it waits for approvals");
    await this.ended(started.job.id);
    return await this.manager.plans.get(id);
  }

  /** Asks to apply a plan, which may have to wait for approvals. */
  asksToApply(
    id: bigint,
    by: By = ANNA,
    bounds: Bounds & { readonly acceptsApproval?: boolean } = {},
  ): ReturnType<MemoryManager["plans"]["apply"]> {
    return this.manager.plans.apply(id, {
      requestId: `apply ${++this.#requests}`,
      limits: {
        canaryTargets: [],
        cancelRest: false,
        order: "name",
        supersedeKey: "",
      },
      note: "",
      saidBy: "",
      acceptsApproval: true,
      ...by,
      ...bounds,
    });
  }

  /** Waits until a command has ended. */
  async over(command: bigint): Promise<void> {
    await this.manager.watch(command).rest();
  }

  /** Answer to a request of an agent, as a text. */
  async asks(name: string, type: string, params: unknown): Promise<string> {
    const agent = this.#agents.get(name);
    const answer = await agent?.ask(type, params).catch((error) =>
      `${codeOf(error)}: ${messageOf(error)}`
    );
    return String(answer);
  }

  /** Waits until a job has ended. */
  async ended(job: bigint): Promise<void> {
    const { signal } = new AbortController();
    const options = { output: false, from: [], signal };
    await Array.fromAsync(this.manager.jobs.watch(job, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager[Symbol.asyncDispose]();
    // Two commands of a host take turns: one may have begun only now.
    for (const name of this.#agents.keys()) await this.rest(name);
    await this.folder[Symbol.asyncDispose]();
  }
}

/** States of the agents of a plan, as "name: state". */
export function statesOf({ entries }: PlanView): string[] {
  return entries.map(({ agent, state }) => `${agent}: ${state}`);
}

/** Folders of a host, as its agent uses them. */
type HostFolders = Pick<Surroundings, "stepsFolder" | "factsFolder">;

/** Agent that runs the operations of commands over a connection in memory. */
class SteppingAgent {
  readonly peer: ScriptedPeer;
  readonly #folders: HostFolders;
  readonly #asked = new Map<
    bigint,
    PromiseWithResolvers<DataResponse>
  >();
  #requests = 0n;
  lastId: bigint;
  /** Commands that it has carried out, or still does. */
  readonly runs: Promise<void>[];

  constructor(
    peer: ScriptedPeer,
    folders: HostFolders,
    { lastId, runs }: Pick<SteppingAgent, "lastId" | "runs">,
  ) {
    peer.answerPings();
    this.peer = peer;
    this.#folders = folders;
    this.lastId = lastId;
    this.runs = runs;
  }

  async serve(): Promise<void> {
    for (;;) {
      const body = await this.peer.next();
      if (body === undefined) return this.#hangUp();
      if (body.case === "command") {
        this.runs.push(this.#runWhileConnected(body.value));
      }
      if (body.case !== "dataResponse") continue;
      this.#asked.get(body.value.requestId)?.resolve(body.value);
    }
  }

  /** Lets commands go on that wait for an answer of the Manager. */
  #hangUp(): void {
    for (const { reject } of this.#asked.values()) {
      reject(new Deno.errors.BrokenPipe("the connection is cut"));
    }
  }

  /** Carries out a command. What it has yet to say when its connection is cut, nobody hears. */
  async #runWhileConnected(command: Command): Promise<void> {
    try {
      await this.#run(command);
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  async #run({ commandId, type: name, data: params }: Command): Promise<void> {
    this.lastId = commandId;
    const operation = operationNamed(name, { allowTestOperations: false });
    const context = {
      ...newContext({
        text: async (type, asked) => String(await this.ask(type, asked)),
        bytes: async (type, asked) => await this.ask(type, asked) as Uint8Array,
      }, this.#folders),
      commandId,
      secret: async (secret: string) => {
        const asked = { command: String(commandId), name: secret };
        return new Sealed(String(await this.ask("secret", asked)));
      },
    };
    const { stdout, outcome } = await ran(operation, params, context);
    for (let offset = 0; offset < stdout.length; offset += PIECE) {
      await this.peer.says("commandOutput", {
        commandId,
        stream: OutputStream.STDOUT,
        offset: BigInt(offset),
        bytes: stdout.slice(offset, offset + PIECE),
      });
    }
    await this.peer.says("result", {
      commandId,
      status: outcome.success
        ? CommandResult_Status.SUCCESS
        : CommandResult_Status.FAILED,
      changed: outcome.changed,
      output: outcome.message ?? "",
      stdoutBytes: BigInt(stdout.length),
      data: new TextEncoder().encode(JSON.stringify(outcome.data ?? {})),
    });
  }

  /** Sends a request to the Manager. */
  async ask(type: string, params: unknown): Promise<string | Uint8Array> {
    const requestId = ++this.#requests;
    const asked = Promise.withResolvers<DataResponse>();
    this.#asked.set(requestId, asked);
    const data = JSON.stringify(params);
    await this.peer.says("dataRequest", { requestId, type, data });
    const { ok, value } = await asked.promise;
    const { value: answer = "" } = value;
    if (ok) return answer;
    const [code = "", ...rest] = String(answer).split(": ");
    throw new PiriError(asErrorCode(code) ?? "INTERNAL", rest.join(": "));
  }
}

async function ran(
  operation: Operation,
  params: string,
  context: ReturnType<typeof newContext>,
): Promise<{ stdout: Uint8Array<ArrayBuffer>; outcome: Outcome }> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  try {
    const events = operation.run(checkParams(operation, params), context);
    const { stdout, outcome } = await finish(events);
    return { stdout: stdout.slice(), outcome };
  } catch (error) {
    return {
      stdout: new Uint8Array(await new Blob(pieces).arrayBuffer()),
      outcome: {
        success: false,
        changed: false,
        message: messageOf(error),
        data: { errorCode: codeOf(error) },
      },
    };
  }
}
