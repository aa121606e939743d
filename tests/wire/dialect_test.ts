import { assertEquals } from "@std/assert";
import { Bye_Code } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  byeCodeOf,
  dialectOfAgent,
  dialectOfManager,
  Dialects,
  protocolName,
} from "../../lib/wire/dialect.ts";

Deno.test("an agent is a legacy one if its hello tells no protocol", () => {
  assertEquals(dialectOfAgent({ protocol: 0 }), Dialects.legacy);
  assertEquals(dialectOfAgent({ protocol: 2 }), Dialects.current);
  assertEquals(dialectOfAgent({ protocol: 3 }), Dialects.current);
});

Deno.test("a Manager is a legacy one if its hello tells no id", () => {
  assertEquals(dialectOfManager(""), Dialects.legacy);
  assertEquals(dialectOfManager("0123"), Dialects.current);
});

Deno.test("a recorded protocol has a name for people", () => {
  assertEquals([0, 1, 2, 3].map(protocolName), ["", "2024", "2", "3"]);
});

Deno.test("the two dialects, line by line", () => {
  assertEquals(
    Object.entries(Dialects.current).map(([key, value]) =>
      `${key}: ${value} / ${
        Dialects.legacy[key as keyof typeof Dialects.legacy]
      }`
    ),
    [
      "name: current / legacy",
      "impliedProtocol: undefined / 1",
      "maxFrameBytes: 1048576 / 65536",
      "maxMessageBytes: 262144 / 65536",
      "maxParamsBytes: 262144 / 64512",
      "oneFrameAWrite: false / true",
      "waitsForPong: false / true",
      "features: output,ack,resume,hold,chunks,blobs,secrets,survive / ",
      "hasIdentities: true / false",
      "hasPositionalParams: false / true",
      "answersCancel: true / false",
      "hasRefused: true / false",
      "readsByeCodes: true / false",
      "expectsLastProgress: false / true",
      "hasNamedRequests: false / true",
    ],
  );
});

Deno.test("the code of a Bye without one is read from its words", () => {
  const codes = [
    { code: Bye_Code.BUSY, reason: "auth failed" },
    { code: Bye_Code.UNSPECIFIED, reason: "auth failed" },
    { code: Bye_Code.UNSPECIFIED, reason: "authentication failed" },
    { code: Bye_Code.UNSPECIFIED, reason: "protocol error: no hello" },
    { code: Bye_Code.UNSPECIFIED, reason: "bye" },
    { code: 99 as Bye_Code, reason: "auth failed" },
    { code: 99 as Bye_Code, reason: "bye" },
  ].map((bye) => byeCodeOf(bye));
  assertEquals(codes, [
    Bye_Code.BUSY,
    Bye_Code.AUTH_FAILED,
    Bye_Code.AUTH_FAILED,
    Bye_Code.PROTOCOL_ERROR,
    Bye_Code.UNSPECIFIED,
    Bye_Code.AUTH_FAILED,
    Bye_Code.UNSPECIFIED,
  ]);
});
