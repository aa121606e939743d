import {
  type AuthChallenge,
  type AuthProof,
  Bye_Code,
  type ClientHello,
  createAuthChallenge,
  createClientHello,
  createServerHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import { FEATURES } from "../../lib/wire/features.ts";
import { encodeFrames, FrameDecoder } from "../../lib/wire/frame.ts";
import {
  type Body,
  decodeMessage,
  encodeMessage,
} from "../../lib/wire/message.ts";
import { NONCE_BYTES, PROOF, transcriptHash } from "../../lib/wire/proof.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { Life } from "./life.ts";
import type { Server, Wire } from "./network.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { keyOf, SIMULATED_PROOF } from "./simulated_keys.ts";
import type { World } from "./world.ts";

/** An agent's messages of one connection, as somebody on its host has seen them. */
interface Recorded {
  readonly hello: ClientHello;
  readonly proof: AuthProof;
}

/** Codes by which a Manager may turn somebody away without a word about whether his proof was good. */
const TURNED_AWAY: ReadonlySet<Bye_Code> = new Set([
  Bye_Code.AUTH_FAILED,
  Bye_Code.BUSY,
  Bye_Code.SHUTDOWN,
  Bye_Code.PING_TIMEOUT,
]);

/** Ways in which a Manager that is none answers a hello. */
const ANSWERS = ["own key", "recorded challenge", "no challenge"] as const;

/** Most connections that are kept in mind of all agents. */
const KEPT = 20;

/**
 * Stranger who has seen what agents and their Manager said to each other. He says it again to the Manager, and is the
 * Manager to agents whose dials he catches. Neither may take him for the other.
 */
export class Stranger {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #life: Life;
  /** True if all agents of this name know the Manager's key. */
  readonly #knowTheManager: (agent: string) => boolean;
  readonly #hellos = new WeakMap<Wire, ClientHello>();
  readonly #recorded: Recorded[] = [];
  readonly #challenges: AuthChallenge[] = [];
  #isWaiting = false;

  constructor(world: World, knowTheManager: (agent: string) => boolean) {
    this.#world = world;
    this.#random = world.random.fork("stranger");
    this.#life = new Life(this.#random, () => {});
    this.#knowTheManager = knowTheManager;
  }

  /** Notes a message between an agent and its Manager, and checks what agents say to him. */
  heard(wire: Wire, body: Body): void {
    if (wire.isCaught) {
      this.#world.truth.must(
        ["clientHello", "bye", "serverHello", "authChallenge"].includes(
          body.case,
        ),
        () => `${wire.agent} says ${body.case} to a Manager that is none`,
      );
      return;
    }
    if (body.case === "clientHello") this.#hellos.set(wire, body.value);
    if (body.case === "authChallenge") keep(this.#challenges, body.value);
    const hello = this.#hellos.get(wire);
    if (body.case === "authProof" && hello !== undefined) {
      keep(this.#recorded, { hello, proof: body.value });
    }
  }

  /** Tries to get in, or waits for an agent to dial. */
  act(): void {
    if (this.#random.chance(0.5)) this.#isWaiting = true;
    else this.#visit();
  }

  /** Gives up. */
  leave(): void {
    this.#isWaiting = false;
  }

  /** The stranger as a Manager, if he catches this agent's dial. */
  caught(agent: string): Server | undefined {
    if (!this.#isWaiting || !this.#knowTheManager(agent)) return undefined;
    this.#isWaiting = false;
    return {
      life: this.#life,
      accept: (transport) => void this.#answer(transport),
    };
  }

  /** Says an agent's words to the Manager. */
  #visit(): void {
    const { network, truth, trace } = this.#world;
    const { server } = network;
    if (server === undefined || this.#recorded.length === 0) return;
    const { hello, proof } = this.#random.pick(this.#recorded);
    const said = createClientHello({ ...hello, ...this.#changes(hello) });
    trace.add(`STRANGER says the hello of "${hello.clientId}"`);
    const visit = new Visit((body) => {
      if (body.case === "authChallenge") {
        return { case: "authProof", value: proof };
      }
      truth.must(
        body.case === "bye" && TURNED_AWAY.has(body.value.code),
        () =>
          `the Manager answers a stranger with the words of "${hello.clientId}" by ${
            body.case === "bye" ? `Bye ${body.value.code}` : body.case
          }`,
      );
      return undefined;
    });
    visit.says({ case: "clientHello", value: said });
    server.accept(visit);
    this.#world.time.after(30_000, () => visit.close());
  }

  /** Changes to a recorded hello: none, the next session, or the form of before keys. */
  #changes(hello: ClientHello): Partial<ClientHello> {
    switch (this.#random.pick(["as it was", "next session", "stripped"])) {
      case "next session":
        return { session: hello.session + 1_000n };
      case "stripped":
        return {
          session: hello.session + 1_000n,
          features: hello.features.filter((name) => name !== PROOF),
          publicKey: new Uint8Array(),
          helloNonce: new Uint8Array(),
        };
      default:
        return {};
    }
  }

  /** Answers a hello as the Manager would. The agent must leave. */
  async #answer(transport: Transport): Promise<void> {
    const decoder = new FrameDecoder();
    const say = (body: Body) =>
      transport.write(encodeFrames([encodeMessage(body)]));
    try {
      for (
        let bytes = await transport.read();
        bytes;
        bytes = await transport.read()
      ) {
        decoder.push(bytes);
        const frame = decoder.next();
        if (frame === undefined) continue;
        const body = decodeMessage(frame);
        if (body?.case === "clientHello") {
          await say(this.#lie(body.value, sha256(frame)));
        }
      }
    } catch {
      // The agent is gone.
    }
    transport.close();
  }

  #lie(hello: ClientHello, helloHash: Uint8Array): Body {
    const recorded = this.#challenges.at(0);
    const answer = this.#random.pick(ANSWERS);
    if (answer === "no challenge" || recorded === undefined) {
      return {
        case: "serverHello",
        value: createServerHello({
          version: 1,
          managerId: "the Manager",
          features: [...FEATURES],
          pingIntervalMs: 15_000,
        }),
      };
    }
    if (answer === "recorded challenge") {
      return { case: "authChallenge", value: recorded };
    }
    const key = keyOf("a stranger");
    const transcript = {
      ...SIMULATED_PROOF,
      managerId: recorded.managerId,
      managerKey: key.publicKey,
      hello,
      helloHash,
      nonce: this.#random.bytes(NONCE_BYTES),
    };
    return {
      case: "authChallenge",
      value: createAuthChallenge({
        managerId: transcript.managerId,
        managerKey: key.publicKey,
        nonce: transcript.nonce,
        signature: key.sign(transcriptHash("manager", transcript)),
      }),
    };
  }
}

/** The stranger's connection with the Manager. */
class Visit implements Transport {
  readonly peer = { host: "10.0.0.66", port: 666 };
  readonly #answer: (body: Body) => Body | undefined;
  readonly #decoder = new FrameDecoder();
  readonly #said: Uint8Array<ArrayBuffer>[] = [];
  #wake = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(answer: (body: Body) => Body | undefined) {
    this.#answer = answer;
  }

  /** Says something to the Manager. */
  says(body: Body): void {
    this.#said.push(encodeFrames([encodeMessage(body)]).slice());
    this.#wake.resolve();
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#said.length === 0 && !this.#isClosed) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
    return this.#said.shift();
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#decoder.push(bytes.slice());
    for (
      let frame = this.#decoder.next();
      frame;
      frame = this.#decoder.next()
    ) {
      const body = decodeMessage(frame);
      const answer = body && this.#answer(body);
      if (answer !== undefined) this.says(answer);
    }
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake.resolve();
  }
}

/** Adds to a list of bounded length. */
function keep<T>(list: T[], each: T): void {
  list.push(each);
  if (list.length > KEPT) list.splice(1, 1);
}
