import { assertEquals, assertThrows } from "@std/assert";
import { checkHeaders } from "../../lib/api/gate.ts";
import { PiriError } from "../../lib/base/errors.ts";

const door = { token: "s3cret", port: 4711 };
const good = { host: "127.0.0.1:4711", authorization: "Bearer s3cret" };

function refusalOf(headers: Record<string, string>): [string, string] {
  const error = assertThrows(
    () => checkHeaders(new Headers(headers), door),
    PiriError,
  );
  return [error.code, error.message];
}

Deno.test("a request with the token and our own name is admitted", () => {
  checkHeaders(new Headers(good), door);
  checkHeaders(new Headers({ ...good, host: "localhost:4711" }), door);
});

Deno.test("a Unix socket needs neither, since its file's mode decides who may connect", () => {
  checkHeaders(new Headers({ host: "localhost" }));
});

for (
  const wrong of [
    "Bearer s3creT",
    "Bearer s3cre",
    "Bearer s3cret2",
    "Bearer ",
    "s3cret",
    "Basic s3cret",
  ]
) {
  Deno.test(`"${wrong}" is not the token`, () => {
    assertEquals(refusalOf({ ...good, authorization: wrong }), [
      "AUTH_FAILED",
      "Cannot accept the token: it is not the one of this Manager",
    ]);
  });
}

Deno.test("a request without a token is told where to find it", () => {
  assertEquals(refusalOf({ host: good.host }), [
    "AUTH_FAILED",
    "Cannot answer without a token: it is in control.token of the state folder",
  ]);
});

for (
  const host of ["evil.example.org:4711", "127.0.0.1:80", "127.0.0.1", ""]
) {
  Deno.test(`a request for the host "${host}" is refused even with the right token`, () => {
    assertEquals(refusalOf({ ...good, host }), [
      "DENIED",
      `Cannot answer for "${host}": this is 127.0.0.1:4711`,
    ]);
  });
}

Deno.test("a request of the largest size is admitted, and one byte more is not", () => {
  checkHeaders(new Headers({ ...good, "content-length": "1048576" }), door);

  assertEquals(refusalOf({ ...good, "content-length": "1048577" }), [
    "INVALID_ARGUMENT",
    "Cannot accept a request of 1048577 bytes: the limit is 1048576; send long input by run --stdin or put (BlobsService of the API), or put it into a file of the Manager's files/ folder",
  ]);
});
