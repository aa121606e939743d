import {
  type Bye,
  Bye_Code,
  type ClientHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../base/limits.ts";
import { type Feature, KEYLESS_FEATURES } from "./features.ts";

/** All differences between a legacy peer and a current one. The hello of the peer decides, once. */
export interface Dialect {
  readonly name: "current" | "legacy";
  /** Version of the protocol that is recorded for agents whose hellos tell none. No hello has it. */
  readonly impliedProtocol: number | undefined;
  /** The largest body of a frame after the handshake, in bytes. */
  readonly maxFrameBytes: number;
  /** The largest message other than a piece of output, in bytes. */
  readonly maxMessageBytes: number;
  /** The largest parameters of a Command, in bytes. */
  readonly maxParamsBytes: number;
  /** True for peers that fall behind after two frames in one TLS record. */
  readonly oneFrameAWrite: boolean;
  /** True for agents that drop a Command right after ServerHello: the first one must wait for their first Pong. */
  readonly waitsForPong: boolean;
  /** Features that can be agreed on in the hellos without a proof of keys. */
  readonly features: readonly Feature[];
  /**
   * True if hellos tell the instance of the journal and the id of the database: sessions are in order, and ids of
   * commands never repeat.
   */
  readonly hasIdentities: boolean;
  /** True if parameters of commands are a positional list with keywords beside it. */
  readonly hasPositionalParams: boolean;
  /** True if the peer confirms a cancel by a result. */
  readonly answersCancel: boolean;
  /** True if REFUSED is a status of results. */
  readonly hasRefused: boolean;
  /** True if the code of a Bye tells the peer what to do: to others only its text does. */
  readonly readsByeCodes: boolean;
  /** True if the last progress of a command is 1 of 1. */
  readonly expectsLastProgress: boolean;
  /**
   * True if requests for data may be those of the second legacy protocol: by name, with answers in JSON. Its hellos are
   * those of the first one, so that only a request tells the two apart.
   */
  readonly hasNamedRequests: boolean;
}

/** Both dialects. A peer may be a legacy one until its hello. */
export const Dialects = {
  current: {
    name: "current",
    impliedProtocol: undefined,
    maxFrameBytes: Limits.frame,
    maxMessageBytes: Limits.message,
    maxParamsBytes: Limits.message,
    oneFrameAWrite: false,
    waitsForPong: false,
    features: KEYLESS_FEATURES,
    hasIdentities: true,
    hasPositionalParams: false,
    answersCancel: true,
    hasRefused: true,
    readsByeCodes: true,
    expectsLastProgress: false,
    hasNamedRequests: false,
  },
  legacy: {
    name: "legacy",
    impliedProtocol: 1,
    maxFrameBytes: Limits.handshakeFrame,
    maxMessageBytes: Limits.handshakeFrame,
    maxParamsBytes: Limits.handshakeFrame - 1_024,
    oneFrameAWrite: true,
    waitsForPong: true,
    features: [],
    hasIdentities: false,
    hasPositionalParams: true,
    answersCancel: false,
    hasRefused: false,
    readsByeCodes: false,
    expectsLastProgress: true,
    hasNamedRequests: true,
  },
} as const satisfies Readonly<Record<Dialect["name"], Dialect>>;

/** The dialect of an agent, by its hello. */
export function dialectOfAgent(
  { protocol }: Pick<ClientHello, "protocol">,
): Dialect {
  return protocol === 0 ? Dialects.legacy : Dialects.current;
}

/** Recorded version of the protocol for people; empty for an agent that never connected. */
export function protocolName(recorded: number): string {
  if (recorded === Dialects.legacy.impliedProtocol) return "2024";
  return recorded === 0 ? "" : String(recorded);
}

/** The dialect of a Manager, by the id of its database: a legacy Manager has none. */
export function dialectOfManager(managerId: string): Dialect {
  return managerId === "" ? Dialects.legacy : Dialects.current;
}

/** Reasons of both legacy protocols. */
const AUTH_FAILED: ReadonlySet<string> = new Set([
  "auth failed",
  "authentication failed",
]);

/** The code of a Bye. Legacy peers send none, so theirs is read from the reason. */
export function byeCodeOf(
  { code, reason }: Pick<Bye, "code" | "reason">,
): Bye_Code {
  // An unknown code counts as none.
  if (code !== Bye_Code.UNSPECIFIED && code in Bye_Code) return code;
  if (AUTH_FAILED.has(reason)) return Bye_Code.AUTH_FAILED;
  return reason.startsWith("protocol error")
    ? Bye_Code.PROTOCOL_ERROR
    : Bye_Code.UNSPECIFIED;
}
