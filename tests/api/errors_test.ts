import { Code, ConnectError } from "@connectrpc/connect";
import { assertEquals } from "@std/assert";
import { toConnectError, toPiriError } from "../../lib/api/errors.ts";
import { type ErrorCode, PiriError } from "../../lib/base/errors.ts";
import { refusal, startControl } from "../support/control.ts";
import { SmallManager } from "../support/small_manager.ts";

/** Other programs match on the right column: changing a line breaks them. */
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

  Deno.test(`${piri} is itself again for who caught it`, () => {
    const { code, message } = toPiriError(toConnectError(error));

    assertEquals({ code, message }, { code: piri, message: error.message });
  });
}

Deno.test("an error that Connect made has the code of ours that comes nearest", () => {
  const codes = [
    Code.Canceled,
    Code.Unknown,
    Code.InvalidArgument,
    Code.DeadlineExceeded,
    Code.NotFound,
    Code.AlreadyExists,
    Code.PermissionDenied,
    Code.ResourceExhausted,
    Code.FailedPrecondition,
    Code.Aborted,
    Code.OutOfRange,
    Code.Unimplemented,
    Code.Internal,
    Code.Unavailable,
    Code.DataLoss,
    Code.Unauthenticated,
  ].map((code) => toPiriError(new ConnectError("no", code)).code);

  assertEquals(codes, [
    "CANCELLED",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "TIMED_OUT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "DENIED",
    "BUSY",
    "FAILED_PRECONDITION",
    "REFUSED",
    "INVALID_ARGUMENT",
    "UNSUPPORTED",
    "INTERNAL",
    "UNAVAILABLE",
    "CORRUPT",
    "AUTH_FAILED",
  ]);
});

Deno.test("a code that is not ours in the header is not believed", () => {
  const error = new ConnectError("no", Code.NotFound, {
    "piri-code": "toString",
  });

  assertEquals(toPiriError(error).code, "NOT_FOUND");
});

Deno.test("an error of any other kind is INTERNAL with its message", () => {
  const { code, message } = toPiriError(new RangeError("too far"));

  assertEquals({ code, message }, { code: "INTERNAL", message: "too far" });
});
