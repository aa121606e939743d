import { assertEquals } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import { toConnectError } from "../../lib/api/errors.ts";
import { PiriError } from "../../lib/base/errors.ts";
import {
  complaintOf,
  HintedError,
  isDisconnect,
} from "../../lib/cli/errors.ts";

Deno.test("complaintOf() takes code and message of a PiriError, and the hint if it has one", () => {
  assertEquals(complaintOf(new PiriError("DENIED", "Cannot: no")), {
    code: "DENIED",
    message: "Cannot: no",
    exitCode: 4,
    fault: false,
  });
  assertEquals(complaintOf(new HintedError("BUSY", "Cannot: no", "wait")), {
    code: "BUSY",
    message: "Cannot: no",
    hint: "wait",
    exitCode: 4,
    fault: false,
  });
});

Deno.test("complaintOf() believes the Manager's own code before Connect's", () => {
  const error = new ConnectError("Cannot: no", Code.Aborted, {
    "piri-code": "CORRUPT",
  });

  assertEquals(complaintOf(error), {
    code: "CORRUPT",
    message: "Cannot: no",
    exitCode: 1,
    fault: false,
  });
});

Deno.test("complaintOf() understands a code that only a newer Manager knows by Connect's", () => {
  const error = new ConnectError("Cannot: no", Code.NotFound, {
    "piri-code": "SOMETHING_NEW",
  });

  assertEquals(complaintOf(error).exitCode, 5);
});

for (
  const [code, exitCode] of [
    [Code.Canceled, 3],
    [Code.Unknown, 3],
    [Code.InvalidArgument, 3],
    [Code.DeadlineExceeded, 6],
    [Code.NotFound, 5],
    [Code.AlreadyExists, 1],
    [Code.PermissionDenied, 4],
    [Code.ResourceExhausted, 4],
    [Code.FailedPrecondition, 1],
    [Code.Aborted, 1],
    [Code.OutOfRange, 2],
    [Code.Unimplemented, 1],
    [Code.Internal, 3],
    [Code.Unavailable, 3],
    [Code.DataLoss, 3],
    [Code.Unauthenticated, 4],
  ] as const
) {
  Deno.test(`an error of Connect's own with ${Code[code]} exits ${exitCode}`, () => {
    const error = new ConnectError("so it is", code);

    assertEquals(complaintOf(error).exitCode, exitCode);
    assertEquals(isDisconnect(error), exitCode === 3);
  });
}

Deno.test("isDisconnect() tells a Manager that is gone from an agent that is", () => {
  const overTheWire = new ConnectError("no agent", Code.Unavailable, {
    "piri-code": "UNAVAILABLE",
  });
  const ofOurTransport = toConnectError(
    new PiriError("UNAVAILABLE", "cut short", { cause: new TypeError("x") }),
  );

  assertEquals(
    [
      isDisconnect(overTheWire),
      isDisconnect(ofOurTransport),
      isDisconnect(new PiriError("UNAVAILABLE", "no socket")),
      isDisconnect(new PiriError("DENIED", "not you")),
      isDisconnect(new TypeError("a fault")),
    ],
    [false, true, true, false, false],
  );
});

Deno.test("complaintOf() calls everything else a fault", () => {
  assertEquals(complaintOf(new TypeError("x is not a function")), {
    code: "INTERNAL",
    message: "x is not a function",
    exitCode: 1,
    fault: true,
  });
  assertEquals(complaintOf("text").message, "text");
});
