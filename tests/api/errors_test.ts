import { Code, ConnectError } from "@connectrpc/connect";
import { assertEquals } from "@std/assert";
import { toConnectError, toPiriError } from "../../lib/api/errors.ts";
import {
  Disconnected,
  type ErrorCode,
  PiriError,
} from "../../lib/base/errors.ts";
import { complaintOf } from "../../lib/cli/errors.ts";
import { refusal, startControl } from "../support/control.ts";
import { SmallManager } from "../support/small_manager.ts";

/** Contract with other programs, which match on the right column: changing a line breaks them. */
const table: Record<ErrorCode, keyof typeof Code> = {
  INVALID_ARGUMENT: "InvalidArgument",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  FAILED_PRECONDITION: "FailedPrecondition",
  DENIED: "PermissionDenied",
  AUTH_FAILED: "Unauthenticated",
  REFUSED: "Aborted",
  BUSY: "ResourceExhausted",
  UNAVAILABLE: "Unavailable",
  TIMED_OUT: "DeadlineExceeded",
  CANCELLED: "Canceled",
  NOT_STARTED: "FailedPrecondition",
  PROTOCOL_VIOLATION: "Internal",
  STALE: "Aborted",
  UNSUPPORTED: "Unimplemented",
  CORRUPT: "DataLoss",
  DISK: "Internal",
  INTERNAL: "Internal",
};

for (const [piri, connect] of Object.entries(table)) {
  const error = new PiriError(piri as ErrorCode, `Cannot do it: ${piri}`);

  Deno.test(`${piri} reaches a client as ${connect}, with its code and message`, async () => {
    const manager = new SmallManager();
    manager.agents.list = () => Promise.reject(error);
    await using fleet = await startControl({ manager });

    const refused = await refusal(fleet.control.agents.listAgents({}));

    assertEquals(refused, { connect, piri, message: `Cannot do it: ${piri}` });
  });

  Deno.test(`${piri} is itself again for a client that catches it`, () => {
    const { code, message } = toPiriError(toConnectError(error));

    assertEquals({ code, message }, { code: piri, message: error.message });
  });
}

/** Meaning of an error that names none of our codes, and the exit code of the command line. */
const nameless: [Code, ErrorCode, number][] = [
  [Code.Canceled, "CANCELLED", 7],
  [Code.Unknown, "UNAVAILABLE", 3],
  [Code.InvalidArgument, "UNAVAILABLE", 3],
  [Code.DeadlineExceeded, "TIMED_OUT", 6],
  [Code.NotFound, "NOT_FOUND", 5],
  [Code.AlreadyExists, "ALREADY_EXISTS", 1],
  [Code.PermissionDenied, "DENIED", 4],
  [Code.ResourceExhausted, "BUSY", 4],
  [Code.FailedPrecondition, "FAILED_PRECONDITION", 1],
  [Code.Aborted, "REFUSED", 4],
  [Code.OutOfRange, "INVALID_ARGUMENT", 2],
  [Code.Unimplemented, "UNSUPPORTED", 1],
  [Code.Internal, "UNAVAILABLE", 3],
  [Code.Unavailable, "UNAVAILABLE", 3],
  [Code.DataLoss, "UNAVAILABLE", 3],
  [Code.Unauthenticated, "AUTH_FAILED", 4],
];

for (const [connect, piri, exitCode] of nameless) {
  Deno.test(`a Connect error with ${Code[connect]} alone is ${piri} and exits ${exitCode}`, () => {
    const error = toPiriError(new ConnectError("so it is", connect));

    assertEquals(error.code, piri);
    assertEquals(error instanceof Disconnected, piri === "UNAVAILABLE");
    assertEquals(complaintOf(error).exitCode, exitCode);
  });
}

Deno.test("the Manager's own code wins over Connect's", () => {
  const error = new ConnectError("Cannot: no", Code.Aborted, {
    "piri-code": "CORRUPT",
  });

  const { code, message } = toPiriError(error);

  assertEquals({ code, message }, { code: "CORRUPT", message: "Cannot: no" });
});

Deno.test("a lost connection is distinguished from a disconnected agent", () => {
  const overTheWire = new ConnectError("no agent", Code.Unavailable, {
    "piri-code": "UNAVAILABLE",
  });
  const ofOurTransport = ConnectError.from(new Disconnected("cut short"));

  assertEquals(
    [overTheWire, ofOurTransport].map((error) =>
      toPiriError(error) instanceof Disconnected
    ),
    [false, true],
  );
});

Deno.test("an unknown code in the header is ignored", () => {
  const error = new ConnectError("no", Code.NotFound, {
    "piri-code": "toString",
  });

  assertEquals(toPiriError(error).code, "NOT_FOUND");
});

Deno.test("an error of any other kind is INTERNAL with its message", () => {
  const { code, message } = toPiriError(new RangeError("too far"));

  assertEquals({ code, message }, { code: "INTERNAL", message: "too far" });
});
