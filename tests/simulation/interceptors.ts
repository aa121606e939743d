import { MessageType } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { encodeFrames, FrameDecoder } from "../../lib/wire/frame.ts";
import {
  type Body,
  decodeMessage,
  encodeMessage,
} from "../../lib/wire/message.ts";
import type { Interceptor } from "./pipe.ts";

/** Size above any frame that either side accepts. */
const ANY_FRAME = 16 * 1_048_576;

/** Kinds of messages that rules check; there are many others. */
const RULED: ReadonlySet<number | undefined> = new Set([
  MessageType.AUTH_CHALLENGE,
  MessageType.AUTH_PROOF,
  MessageType.BYE,
  MessageType.CLIENT_HELLO,
  MessageType.SERVER_HELLO,
  MessageType.COMMAND,
  MessageType.COMMAND_CANCEL,
  MessageType.COMMAND_RESULT,
  MessageType.COMMAND_ACK,
]);

/** Observes messages of a direction, all of them or those that rules check, and passes the bytes on unchanged. */
export function observing(
  heard: (body: Body) => void,
  { all }: { all: () => boolean },
): Interceptor {
  const decoder = new FrameDecoder();
  decoder.limit = ANY_FRAME;
  return (bytes) => {
    decoder.push(bytes);
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      const body = all() || isRuled(frame) ? decodeMessage(frame) : undefined;
      if (body !== undefined) heard(body);
    }
    return bytes;
  };
}

/** Changes each message of a direction, or drops it. */
export function changing(
  change: (body: Body) => Body | undefined,
): Interceptor {
  const decoder = new FrameDecoder();
  decoder.limit = ANY_FRAME;
  return (bytes) => {
    const frames: Uint8Array[] = [];
    decoder.push(bytes);
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      const body = decodeMessage(frame);
      const changed = body === undefined ? undefined : change(body);
      if (changed !== undefined) frames.push(encodeMessage(changed));
    }
    return encodeFrames(frames).slice();
  };
}

/** True if rules check this message. Looks only at the first field, which is the type. */
function isRuled(frame: Uint8Array): boolean {
  return frame[0] === 0x08 && RULED.has(frame[1]);
}

/** Describes a message in a few words. */
export function inWords({ case: kind, value }: Body): string {
  switch (kind) {
    case "clientHello":
      return `clientHello session ${value.session} of ${
        value.instance.slice(0, 6)
      }, last ${value.lastCommandId}, lists [${
        value.commands.map((each) =>
          `${each.commandId}:${each.state}:${each.stdout}+${each.stderr}`
        ).join(" ")
      }]`;
    case "serverHello":
      return `serverHello, resume [${
        value.resume.map((each) =>
          `${each.commandId}:${each.stdout}+${each.stderr}`
        ).join(" ")
      }]${value.cancelled.length > 0 ? `, cancelled ${value.cancelled}` : ""}`;
    case "bye":
      return `bye ${value.code} "${value.reason}" retry ${
        value.retryAfterMs ?? "-"
      }`;
    case "command":
      return `command ${value.commandId} nonce ${
        value.nonce.toString(16).padStart(16, "0").slice(0, 8)
      } ${value.data}`;
    case "cancel":
      return `cancel ${value.commandId} grace ${value.graceMs ?? "-"}`;
    case "progress":
      return `progress ${value.commandId} ${value.current}/${value.total}`;
    case "commandOutput":
      return `output ${value.commandId} stream ${value.stream} at ${value.offset} ${value.bytes.length} bytes, cut ${value.cut}`;
    case "result":
      return `result ${value.commandId} status ${value.status} exit ${
        value.exitCode ?? "-"
      } ${value.stdoutBytes}+${value.stderrBytes} "${value.output}"`;
    case "commandAck":
      return `ack ${value.commandId} ${value.stdout}+${value.stderr}${
        value.final ? " final" : ""
      }`;
    default:
      return kind;
  }
}
