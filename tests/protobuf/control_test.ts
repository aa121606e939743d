import { assertEquals } from "@std/assert";
import * as messages from "../../proto/gen/piri/control/v1/control_messages.ts";
import * as reference from "../../proto/gen/piri/control/v1/control_pb.ts";
import { testAgainstReference } from "./reference.ts";

const { messages: schemas, enums, services } =
  reference.file_piri_control_v1_control;
const codecs: Readonly<Record<string, unknown>> = messages;

testAgainstReference(schemas, codecs, 30);

Deno.test("the enums of the control API are those of the reference", () => {
  for (const { name, values } of enums) {
    const expected = values.flatMap(({ localName, number }) => [
      [localName, number],
      [String(number), localName],
    ]);

    assertEquals(codecs[name], Object.fromEntries(expected), name);
  }
});

Deno.test("the calls of the control API are those of the reference", () => {
  for (const service of services) {
    const { typeName, name, methods } = service;
    const calls = methods.map((method) => [method.localName, {
      name: method.name,
      isStream: method.methodKind === "server_streaming",
      create: codecs[`create${method.input.name}`],
      write: codecs[`write${method.input.name}`],
      read: codecs[`read${method.output.name}`],
    }]);

    assertEquals(
      codecs[name],
      { typeName, methods: Object.fromEntries(calls) },
      name,
    );
  }
});
