/** Limits that both sides hold each other to: protocol.md, "Transport and frames". In bytes unless said otherwise. */
export const Limits = {
  /** Body of a frame before the handshake is done; for legacy peers always. */
  handshakeFrame: 65_536,
  /** Body of a frame after the handshake. */
  frame: 1_048_576,
  /** Piece of output or of a file. */
  chunk: 65_536,
  /** Payload whose frame fits into one write and one read of 64 KiB. */
  piece: 65_536 - 96,
  /** Memory that a piece costs besides its bytes: a million pieces of one byte take more than a megabyte. */
  pieceOverhead: 512,
  /** Every other message. */
  message: 262_144,
  /** Parameters of a Command: the other fields must fit beside them. */
  params: 262_144 - 512,
  /** `output` of a CommandResult. */
  resultText: 16_384,
  /** `data` of a CommandResult; longer data is left out. */
  resultData: 131_072,
  /** Process ids in a reap receipt, a count. */
  reapedAlive: 100,
  /** All facts of a hello together. */
  facts: 16_384,
  /** Text about a mistake in an agent's policy. */
  policyError: 1_000,
  /** Commands of one agent that are not acknowledged yet, a count. */
  openCommands: 1_000,
  /** Pings of one peer that wait for their Pong, a count. */
  unansweredPings: 1_000,
  /** Output of a command, both streams together, that waits for acknowledgement while the link is up. */
  window: 4 * 1_048_576,
  /** Output of a command that is kept while the link is down, for each stream. */
  offlineOutput: 16 * 1_048_576,
  /** Nesting of JSON, a count of levels. */
  jsonDepth: 64,
  /** Name of an operation or of a kind of request, in characters. */
  word: 100,
  /** `data` of a DataRequest. */
  requestData: 16_384,
  /** Name of an agent or group, in characters. */
  name: 100,
} as const;

/** Allowed names of agents and groups. A name is also a file name and a cell of a table. */
export const NAME_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;

/**
 * Time beyond the timeout of a command at which the Manager presumes that it timed out, in milliseconds. For agents that
 * measure no timeouts: 5 s between SIGTERM and SIGKILL, and 10 s for both ways.
 */
export const PRESUMED_AFTER_MS = 15_000;
