import {
  type Message as WireMessage,
  MessageType,
  readMessage,
  writeMessage,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../base/errors.ts";
import { decode } from "../protobuf/protobuf_reader.ts";
import { encode } from "../protobuf/protobuf_writer.ts";
import { HEADER_BYTES, sealFrame } from "./frame.ts";

/** A message of any kind: `case` names the kind, `value` has its fields. */
export type Body = Extract<WireMessage["body"], { case: string }>;

/** The name of a kind of message. */
export type Kind = Body["case"];

/** The fields of a message of one kind. */
export type MessageOf<K extends Kind> = Extract<Body, { case: K }>["value"];

/** The type number of each kind. */
export const TYPE_OF: Readonly<Record<Kind, MessageType>> = {
  clientHello: MessageType.CLIENT_HELLO,
  serverHello: MessageType.SERVER_HELLO,
  bye: MessageType.BYE,
  ping: MessageType.PING,
  pong: MessageType.PONG,
  authChallenge: MessageType.AUTH_CHALLENGE,
  authProof: MessageType.AUTH_PROOF,
  command: MessageType.COMMAND,
  cancel: MessageType.COMMAND_CANCEL,
  progress: MessageType.COMMAND_PROGRESS,
  result: MessageType.COMMAND_RESULT,
  commandOutput: MessageType.COMMAND_OUTPUT,
  commandAck: MessageType.COMMAND_ACK,
  dataRequest: MessageType.DATA_REQUEST,
  dataResponse: MessageType.DATA_RESPONSE,
};

const KNOWN_TYPES: ReadonlySet<MessageType> = new Set(Object.values(TYPE_OF));

/** Tag of the field `type`. */
const TYPE_TAG = 1 << 3;

/** Highest accepted count: 8 petabytes. */
const MAX_COUNT = BigInt(Number.MAX_SAFE_INTEGER);

/** Limit on the use of the bytes of a message. */
export interface Borrowing {
  /** True if they are used again: what is kept of them is copied. */
  readonly isBorrowed?: boolean;
}

/** Encodes a message as the body of a frame. */
export function encodeMessage(body: Body): Uint8Array {
  return encode(writeMessage, { type: TYPE_OF[body.case], body });
}

/** Encodes a message as a frame. */
export function encodeFrame(body: Body): Uint8Array {
  const message = { type: TYPE_OF[body.case], body };
  return sealFrame(
    encode(writeMessage, message, { room: HEADER_BYTES, sharesMemory: true }),
  );
}

/**
 * Decodes the body of a frame. Returns undefined for an unknown kind.
 *
 * @throws {PiriError} PROTOCOL_VIOLATION if the bytes are no message, its type and body differ, or a count is above the
 * maximum.
 */
export function decodeMessage(
  bytes: Uint8Array,
  borrowing?: Borrowing,
): Body | undefined {
  const { type, body } = parse(bytes, borrowing);
  if (!KNOWN_TYPES.has(type)) return undefined;
  if (body.case === undefined || TYPE_OF[body.case] !== type) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot accept a message of type ${type}: its body is ${
        body.case === undefined ? "missing" : `"${body.case}"`
      }`,
    );
  }
  checkCounts(body);
  return body;
}

/**
 * Decodes the body of a frame before its turn, if it is of this kind. Returns undefined for any other and for invalid
 * ones, which are told when their turn comes, and for one that does not begin with its type.
 */
export function peek(bytes: Uint8Array, kind: Kind): Body | undefined {
  if (bytes[0] !== TYPE_TAG || bytes[1] !== TYPE_OF[kind]) return undefined;
  try {
    return decodeMessage(bytes);
  } catch {
    return undefined;
  }
}

function parse(bytes: Uint8Array, borrowing?: Borrowing): WireMessage {
  try {
    return decode(readMessage, bytes, borrowing);
  } catch (cause) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot read a message of ${bytes.length} bytes: it is not valid protobuf`,
      { cause },
    );
  }
}

/** Checks every byte count and session number in a message. */
function checkCounts({ case: kind, value }: Body): void {
  switch (kind) {
    case "clientHello":
      checkCount(kind, value.session);
      for (const { stdout, stderr } of value.commands) {
        checkCount(kind, stdout);
        checkCount(kind, stderr);
      }
      return;
    case "serverHello":
      for (const { stdout, stderr } of value.resume) {
        checkCount(kind, stdout);
        checkCount(kind, stderr);
      }
      return;
    case "commandOutput":
      checkCount(kind, value.offset + BigInt(value.bytes.length));
      return checkCount(kind, value.cut);
    case "commandAck":
      checkCount(kind, value.stdout);
      return checkCount(kind, value.stderr);
    case "result":
      checkCount(kind, value.stdoutBytes);
      return checkCount(kind, value.stderrBytes);
    default:
  }
}

function checkCount(kind: Kind, count: bigint): void {
  if (count <= MAX_COUNT) return;
  throw new PiriError(
    "PROTOCOL_VIOLATION",
    `Cannot accept "${kind}": ${count} is over the limit of ${MAX_COUNT}`,
  );
}
