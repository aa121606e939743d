import { Ajv2020 } from "ajv/dist/2020.js";

const ajv = new Ajv2020({ formats: { "date-time": true }, strict: false });

interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly anyOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

async function schemaOf(name: string): Promise<Schema> {
  const url = new URL(
    `../../../../docs/schema/${name}.schema.json`,
    import.meta.url,
  );
  return JSON.parse(await Deno.readTextFile(url));
}

/** Values that are not as a schema says, and fields that it does not name. */
export async function schemaErrors(
  name: string,
  values: readonly Record<string, unknown>[],
): Promise<unknown[]> {
  const schema = await schemaOf(name);
  const validate = ajv.compile(schema);
  const wrong = values.filter((value) => !validate(value))
    .map((value) => ({ value, errors: ajv.errors }));
  const unknown = values.flatMap((value) => {
    const event = schema.$defs?.[`event_${value["event"]}`] ?? schema;
    const known = [event, ...event.anyOf ?? []]
      .flatMap(({ properties = {} }) => Object.keys(properties));
    return Object.keys(value).filter((key) => !known.includes(key));
  });
  return [...wrong, ...unknown];
}
