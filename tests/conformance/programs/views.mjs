// Prints the requests with which the daemon makes and changes views as literals of their declared types. The declarations
// leave the filter and the sorts of a view open (`Record<string, never>`), so these are held to those of a query.
import { readFileSync } from "node:fs";

const bodies = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log('import type { CreateViewParameters, QueryDataSourceParameters, UpdateViewParameters } from "@notionhq/client";');
let count = 0;
const literal = (type, value) => console.log(`export const request${count++}: ${type} = ${JSON.stringify(value, null, 1)};`);
for (const { create, update } of bodies) {
  const view_id = "00000000-0000-0000-0000-000000000003";
  for (const [type, { filter, sorts, ...rest }] of [
    ["CreateViewParameters", create],
    ["UpdateViewParameters", { view_id, ...update }],
  ]) {
    if (filter) literal('NonNullable<QueryDataSourceParameters["filter"]>', filter);
    if (sorts) literal('NonNullable<QueryDataSourceParameters["sorts"]>', sorts);
    literal(type, { ...rest, ...(filter === null && { filter }), ...(sorts === null && { sorts }) });
  }
}
